import { auditState, type AuditStatusParts } from './audit-status.ts';
import type { AdminHandlers, ServerRow } from '../admin/index.ts';
import type { Hosting } from '../backends/index.ts';
import type { Directory } from '../discovery/index.ts';
import { describeGap, type MeshHost } from '../host/index.ts';
import type { PeerLinks } from '../peers/index.ts';
import type { Router } from '../router/index.ts';
import { shownTrouble, type Trouble, warningsIn } from '../troubles/index.ts';
import type { Village } from '../village/index.ts';

export interface StatusParts {
  readonly version: string;
  readonly startedAtMs: number;
  /** What of the configuration was accepted and changes nothing. */
  readonly notices: () => readonly string[];
  readonly village: Village;
  readonly host: MeshHost;
  readonly hosting: Hosting;
  readonly directory: Directory;
  readonly links: PeerLinks;
  readonly router: Router;
  readonly troubles: () => Promise<readonly Trouble[]>;
  readonly audit: AuditStatusParts;
  readonly gateway: () => string;
  /** What the gateway shows under TLS. */
  readonly gatewayTls: () =>
    | { readonly pin: string; readonly fingerprint: string; readonly notAfterMs: number }
    | undefined;
  readonly admin: () => string;
}

/** The verbs that look at a running node. */
export function statusVerbs(parts: StatusParts): Pick<AdminHandlers, 'status' | 'peers' | 'servers'> {
  const { host, hosting, directory, router, village, links } = parts;
  return {
    status: async () => {
      const troubles = await parts.troubles();
      return {
        node_id: host.nodeId,
        village_id: village.villageId,
        village_name: village.policy().value('display.village_name') ?? village.constitution.name,
        version: parts.version,
        pid: process.pid,
        uptime_ms: Math.round(Date.now() - parts.startedAtMs),
        gateway: parts.gateway(),
        gateway_tls: shown(parts.gatewayTls()),
        admin: parts.admin(),
        addresses: host.addresses(),
        peers_admitted: host.admitted().size,
        servers_healthy: hosting.servers().filter((server) => server.state().state === 'healthy').length,
        servers_hosted: hosting.servers().length,
        nodes_serving: directory.nodes().length,
        tools: directory.catalogue().village.tools.size,
        missing: router.missing(),
        calls_in_flight: router.callsInFlight,
        audit: auditState(parts.audit),
        memory_mib: Math.round(process.memoryUsage.rss() / 1048576),
        troubles: troubles.map(shownTrouble),
        warnings: [...parts.notices(), ...warningsIn(troubles)],
      };
    },
    peers: async () => {
      const admitted = host.admitted();
      const open = new Map(links.status().map((link) => [link.nodeId, link]));
      const rows = host.connections().map((connection) => {
        const peer = admitted.get(connection.nodeId);
        const link = open.get(connection.nodeId);
        return {
          ...connection,
          node_id: connection.nodeId,
          nodeId: undefined,
          since: peer === undefined ? undefined : new Date(peer.since).toISOString(),
          rtt_ms: link?.rttMs === undefined ? undefined : Math.round(link.rttMs * 100) / 100,
          calls_in_flight: link === undefined ? undefined : link.asked + link.served,
          may_host: peer?.membership.may.host,
          other_revisions: peer?.revisionGaps?.length ? peer.revisionGaps.map(describeGap) : undefined,
        };
      });
      return { peers: rows };
    },
    servers: async () => ({ servers: [...hostedRows(hosting, host.nodeId), ...otherRows(directory)] }),
  };
}

function shown(tls: ReturnType<StatusParts['gatewayTls']>): object | undefined {
  if (tls === undefined) return undefined;
  const { pin, fingerprint, notAfterMs } = tls;
  return { pin, fingerprint, not_after: new Date(notAfterMs).toISOString() };
}

function hostedRows(hosting: Hosting, nodeId: string): ServerRow[] {
  return hosting.servers().map((server) => {
    const { state, since, problem, pid, restarts } = server.state();
    return {
      alias: server.alias,
      node_id: nodeId,
      kind: server.kind,
      state: hosting.isDraining?.(server.alias) === true ? 'draining' : state,
      since: new Date(since).toISOString(),
      tools: server.definition()?.tools.length ?? 0,
      share: server.share,
      problem,
      pid,
      restarts,
    };
  });
}

function otherRows(directory: Directory): ServerRow[] {
  const { services } = directory.catalogue();
  return services.flatMap((service) =>
    [...service.replicas, ...service.otherVersions]
      .filter((replica) => !replica.local)
      .map((replica) => ({
        alias: replica.alias,
        label: service.label,
        node_id: replica.nodeId,
        kind: service.kind,
        state: replica.draining === true ? 'draining' : 'serving',
        tools: service.definition.tools.length,
      })),
  );
}
