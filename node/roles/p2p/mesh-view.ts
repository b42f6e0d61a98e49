import type { Principal } from '../../../src/permissions/index.ts';
import type { Service } from '../../../src/routing/index.ts';
import type { P2pParts } from './ports.ts';
import { transportOf } from './transports.ts';

/** One node, as `discover_nodes` tells of it. */
export interface NodeView {
  readonly node_id: string;
  readonly self: boolean;
  readonly connected: boolean;
  /** Since when this node has been an admitted peer, in milliseconds since 1970; null: it is not one now. */
  readonly admitted_since_ms: number | null;
  readonly transport: string | null;
  readonly roles: readonly string[];
  readonly servers: readonly string[];
}

/** One server, as `discover_servers` tells of it. */
export interface ServerView {
  readonly name: string;
  readonly kind: 'role' | 'third_party';
  readonly title: string;
  readonly version: string;
  readonly endpoint: string;
  readonly nodes: readonly string[];
  readonly local: boolean;
  readonly tools: readonly string[];
  readonly resources: number;
  readonly prompts: number;
}

/** This node and every other that is connected or known to serve something; this node first. */
export function nodesOf({ host, directory }: P2pParts): NodeView[] {
  const admitted = host.admitted();
  const connections = new Map(host.connections().map((connection) => [connection.nodeId, connection.address]));
  const known = new Map(directory.nodes().map((node) => [node.nodeId, node.servers]));
  const others = new Set([...admitted.keys(), ...known.keys()]);
  const view = (nodeId: string, servers: readonly { alias: string; kind: string }[]): NodeView => {
    const address = connections.get(nodeId);
    return {
      node_id: nodeId,
      self: nodeId === host.nodeId,
      connected: nodeId === host.nodeId || address !== undefined,
      admitted_since_ms: admitted.get(nodeId)?.since ?? null,
      transport: address === undefined ? null : transportOf(address),
      roles: servers.filter((server) => server.kind === 'role').map((server) => server.alias),
      servers: servers.filter((server) => server.kind !== 'role').map((server) => server.alias),
    };
  };
  return [
    view(host.nodeId, directory.own().servers),
    ...[...others].sort().map((nodeId) => view(nodeId, known.get(nodeId) ?? [])),
  ];
}

/** The servers of which `principal` may use at least one tool, or which offer it something else than tools. */
export function serversOf({ directory, mayUse, shown }: P2pParts, principal: Principal): ServerView[] {
  const { services, village } = directory.catalogue();
  const usable = new Map<Service, string[]>(services.map((service) => [service, []]));
  for (const [name, entry] of village.tools) if (mayUse(principal, entry)) usable.get(entry.service)?.push(name);
  return services
    .filter((service) => (usable.get(service) as string[]).length > 0 || service.definition.tools.length === 0)
    .map((service) => ({
      name: service.label,
      kind: service.kind,
      title: titleOf(shown(service)),
      version: service.definition.serverInfo.version,
      endpoint: `/mcp/${service.label}`,
      nodes: [...service.replicas, ...service.otherVersions].map((replica) => replica.nodeId),
      local: service.replicas.some((replica) => replica.local),
      tools: usable.get(service) as string[],
      resources: service.definition.resources.length,
      prompts: service.definition.prompts.length,
    }));
}

export function statusOf(parts: P2pParts) {
  const { host, directory, villageId, wallMs, startedAtMs } = parts;
  const { services, village } = directory.catalogue();
  const connections = host.connections();
  return {
    node_id: host.nodeId,
    village_id: villageId,
    at_ms: wallMs(),
    uptime_ms: Math.max(0, wallMs() - startedAtMs),
    addresses: host.addresses(),
    peers: { connected: new Set(connections.map((one) => one.nodeId)).size, admitted: host.admitted().size },
    transports: [...new Set(connections.map((one) => transportOf(one.address)))].sort(),
    serving_nodes: directory.nodes().length,
    servers: services.length,
    tools: village.tools.size,
    descriptor_seq: directory.own().seq,
  };
}

export function peersOf({ host }: P2pParts) {
  return {
    peers: host.connections().map(({ nodeId, address, direction, admitted }) => ({
      node_id: nodeId,
      address,
      direction,
      transport: transportOf(address),
      admitted,
    })),
  };
}

function titleOf({ definition, alias }: Service): string {
  const { title, name } = definition.serverInfo;
  return typeof title === 'string' ? title : name === '' ? alias : name;
}
