import { z } from 'zod';
import { publicKeyOfPeerId } from '../../../src/kernel/index.ts';
import { refusal, result, type RoleTool, roleTool, type ToolOutcome } from '../../backends/role.ts';
import { nodesOf, serversOf, statusOf } from './mesh-view.ts';
import type { P2pParts } from './ports.ts';
import { transportOf, unmet } from './transports.ts';

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const;
const NodeId = z.string().min(1).max(128);
const Name = z.string().min(1).max(64);
const Instant = z.int().nonnegative().describe('milliseconds since 1970');

export function p2pTools(parts: P2pParts): RoleTool[] {
  return [networkJoin(parts), discoverNodes(parts), discoverServers(parts), networkStatus(parts), meshPing(parts)];
}

function networkJoin(parts: P2pParts): RoleTool {
  return roleTool({
    name: 'p2p_network_join',
    title: 'Join the mesh through a node',
    description:
      'Makes sure that the node you are connected to has a live, admitted connection to another node, and asks that node what it serves. ' +
      'Call it before relying on one particular machine. With the id of your own node, or a name of your own choosing that is no node id, it confirms that your own node is on the mesh.',
    input: z.strictObject({
      node_id: NodeId.describe('PeerId of the node to connect to (12D3KooW…), as discover_nodes lists it'),
      transport_preferences: z
        .array(Name)
        .max(16)
        .default([])
        .describe('wished for, best first; those not met are named in the result'),
    }),
    output: z.object({
      status: z.enum(['joined']),
      node_id: z.string().describe('the node that was joined'),
      requested_node_id: z.string(),
      self: z.boolean(),
      transport: z.string().nullable().describe('null: your own node, no transport between'),
      unmet_preferences: z.array(z.string()),
      servers: z.array(z.string()).describe('servers and roles of that node'),
      peers: z.int().describe('admitted peers of your node'),
    }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    handle: async ({ node_id, transport_preferences }) => joined(parts, node_id, transport_preferences),
  });
}

async function joined(parts: P2pParts, requested: string, preferences: readonly string[]): Promise<ToolOutcome> {
  const { host, directory } = parts;
  const named = publicKeyOfPeerId(requested) !== undefined;
  if (!named && requested.startsWith('12D3Koo')) {
    return refusal({ code: 'INVALID_NODE_ID', message: `node_id: ${requested} is no whole PeerId`, retryable: false });
  }
  const nodeId = named ? requested : host.nodeId;
  const self = nodeId === host.nodeId;
  const met = self ? undefined : await directory.meet(nodeId);
  if (met?.kind === 'silent' || met?.kind === 'busy' || met?.kind === 'refused') {
    const message =
      met.kind === 'refused'
        ? `node ${nodeId} did not answer as a node of this village`
        : `node ${nodeId} cannot be reached now`;
    return refusal({ code: 'NODE_UNREACHABLE', message, retryable: met.kind !== 'refused', node_id: nodeId });
  }
  const address = host.connections().find((connection) => connection.nodeId === nodeId)?.address;
  const transport = address === undefined ? null : transportOf(address);
  const servers = self
    ? directory.own().servers
    : (directory.nodes().find((node) => node.nodeId === nodeId)?.servers ?? []);
  return result({
    status: 'joined',
    node_id: nodeId,
    requested_node_id: requested,
    self,
    transport,
    unmet_preferences: self ? [] : unmet(preferences, transport),
    servers: servers.map((server) => server.alias),
    peers: host.admitted().size,
  });
}

function discoverNodes(parts: P2pParts): RoleTool {
  return roleTool({
    name: 'discover_nodes',
    title: 'Nodes of the village',
    description:
      'Lists the nodes that your node knows: itself first, then every admitted peer and every node that serves something, with roles, third-party servers and whether it is connected now. ' +
      'Filter by role to find who plays it; a role nobody known plays is looked up in the DHT.',
    input: z.strictObject({
      role: Name.optional().describe('only nodes that play this role, e.g. p2p'),
      limit: z.int().min(1).max(500).default(100),
    }),
    output: z.object({
      nodes: z.array(
        z.object({
          node_id: z.string(),
          self: z.boolean(),
          connected: z.boolean(),
          admitted_since_ms: Instant.nullable(),
          transport: z.string().nullable(),
          roles: z.array(z.string()),
          servers: z.array(z.string()),
        }),
      ),
      total: z.int().describe('how many there are; nodes holds at most limit of them'),
    }),
    annotations: READS,
    handle: async ({ role, limit }, { signal }) => {
      const found = () => nodesOf(parts).filter((node) => role === undefined || node.roles.includes(role));
      if (role !== undefined && found().length === 0) await parts.directory.want(role, { signal });
      const nodes = found();
      return result({ nodes: nodes.slice(0, limit), total: nodes.length });
    },
  });
}

function discoverServers(parts: P2pParts): RoleTool {
  return roleTool({
    name: 'discover_servers',
    title: 'MCP servers of the village',
    description:
      'Lists the MCP servers in the village that you may use, with the names of the tools as you call them here, the nodes that serve them and the endpoint of each server’s own view. ' +
      'Give name to look for one server, also in the DHT when nobody known serves it; set refresh to look around the DHT first.',
    input: z.strictObject({
      name: Name.optional().describe('the server’s name (the prefix of its tools), e.g. memory'),
      refresh: z.boolean().default(false).describe('look around first; takes up to a few seconds'),
    }),
    output: z.object({
      servers: z.array(
        z.object({
          name: z.string(),
          kind: z.enum(['role', 'third_party']),
          title: z.string(),
          version: z.string(),
          endpoint: z.string(),
          nodes: z.array(z.string()),
          local: z.boolean(),
          tools: z.array(z.string()),
          resources: z.int(),
          prompts: z.int(),
        }),
      ),
      total: z.int(),
    }),
    annotations: READS,
    handle: async ({ name, refresh }, { principal, signal }) => {
      const known = parts.directory.catalogue().views;
      if (refresh) await parts.directory.lookAround({ signal });
      if (name !== undefined && !known.has(name)) await parts.directory.want(name, { signal });
      const servers = serversOf(parts, principal).filter((server) => name === undefined || server.name === name);
      return result({ servers, total: servers.length });
    },
  });
}

function networkStatus(parts: P2pParts): RoleTool {
  return roleTool({
    name: 'network_status',
    title: 'State of the mesh as your node sees it',
    description:
      'Your node’s id, village, addresses and uptime, how many peers are connected and admitted, over which transports, and how many servers and tools it knows. Cheap; changes nothing.',
    input: z.strictObject({}),
    output: z.object({
      node_id: z.string(),
      village_id: z.string(),
      at_ms: Instant,
      uptime_ms: z.int(),
      addresses: z.array(z.string()),
      peers: z.object({ connected: z.int(), admitted: z.int() }),
      transports: z.array(z.string()),
      serving_nodes: z.int().describe('other nodes whose servers are known'),
      servers: z.int(),
      tools: z.int(),
      descriptor_seq: z.int(),
    }),
    annotations: READS,
    handle: () => result(statusOf(parts)),
  });
}

function meshPing({ host, wallMs }: P2pParts): RoleTool {
  return roleTool({
    name: 'mesh_ping',
    title: 'Ping a node',
    description:
      'The smallest real call: answers which node answered and its clock. Without node_id your own node answers; with node_id that node does, over the mesh.',
    input: z.strictObject({ node_id: NodeId.optional().describe('PeerId of the node that is to answer') }),
    output: z.object({ node_id: z.string(), at_ms: Instant }),
    annotations: READS,
    handle: ({ node_id }) => {
      if (node_id === undefined || node_id === host.nodeId) return result({ node_id: host.nodeId, at_ms: wallMs() });
      const message = `node ${node_id} is not known here; discover_nodes lists the nodes`;
      return refusal({ code: 'NODE_UNREACHABLE', message, retryable: true, node_id });
    },
  });
}
