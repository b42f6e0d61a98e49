import { AdminServer, newSecret } from './admin/index.ts';
import type { Foundation } from './assemble.ts';
import { type AuditLog, tokenOrigin } from './audit/index.ts';
import type { LocalHosting } from './backends/index.ts';
import type { Directory } from './discovery/index.ts';
import type { Artifacts } from './fog/artifacts/index.ts';
import type { Fog } from './fog/index.ts';
import type { Governance } from './governance/index.ts';
import type { Libp2pHost } from './host/index.ts';
import type { Identity } from './open-identity.ts';
import type { PeerLinks } from './peers/index.ts';
import type { DefinitionPins } from './pins/index.ts';
import type { RevocationSpread } from './revocation/index.ts';
import { openTroubles } from './open-troubles.ts';
import type { Router } from './router/index.ts';
import type { AuditFigures } from './telemetry/index.ts';
import type { Witnesses } from './witness/index.ts';
import {
  agentVerbs,
  approveToolVerb,
  type AnchorSource,
  type AuditStatusParts,
  auditTail,
  auditVerbs,
  drainVerb,
  fogVerbs,
  governanceVerbs,
  inviteVerb,
  joinWhileRunning,
  onRecord,
  restoredVerbs,
  revokeVerbs,
  statusVerbs,
  tokenVerb,
  toolVerbs,
} from './verbs/index.ts';
import type { GatewayTls } from './tls/index.ts';

/** What the operator's verbs look at and act on. */
export interface AdminParts {
  readonly identity: Identity;
  readonly host: Libp2pHost;
  readonly hosting: LocalHosting;
  readonly directory: Directory;
  readonly links: PeerLinks;
  readonly router: Router;
  readonly pins: DefinitionPins;
  readonly audit: AuditLog;
  readonly witnesses: Witnesses;
  readonly auditFigures: () => AuditFigures;
  readonly spread: RevocationSpread;
  readonly governance: Governance;
  readonly fogging: { readonly fog: Fog; readonly artifacts: Artifacts };
  /** Known once their servers listen. */
  readonly addresses: { readonly gateway: string; readonly admin: string };
  readonly tls: GatewayTls | undefined;
  readonly metrics: () => string;
}

/** The server of the admin address, not started, and the secret that opens it. */
export function openAdmin(
  foundation: Foundation,
  parts: AdminParts,
): { readonly admin: AdminServer; readonly secret: string } {
  const { version, startedAtMs, bus, keys, village, loaded } = foundation;
  const { identity, host, hosting, directory, links, router, audit, spread, governance, fogging, addresses, metrics } =
    parts;
  const { villageId } = village;
  const { nodeId } = keys;
  const { desk } = identity;
  const config = () => loaded().config;
  const secret = newSecret();
  const [adminHost, adminPort] = hostAndPort(config().admin);
  const admin = new AdminServer({
    host: adminHost,
    port: adminPort,
    secret,
    metrics,
    problem: () => audit.failure?.message,
    onError: (error) => bus.report('background.failed', { area: 'admin', error }),
    handlers: onRecord(
      {
        ...statusVerbs({
          version,
          startedAtMs,
          notices: () => loaded().notices,
          village,
          host,
          hosting,
          directory,
          links,
          router,
          troubles: openTroubles(foundation, parts),
          audit: auditStatus(parts),
          gateway: () => addresses.gateway,
          gatewayTls: () => parts.tls?.certificate,
          admin: () => addresses.admin,
        }),
        ...toolVerbs({ desk, router, defaultAgent: () => config().defaultAgent }),
        token: (input, options) => tokenVerb(desk, config().defaultAgent)(input, options),
        ...agentVerbs({
          ...identity,
          nodeId,
          policy: () => village.policy(),
          membership: () => village.membership(),
          forget: () => desk.forget(),
          signerState: (voter) => governance.released(voter),
          adopt: (state) => governance.adopt(state),
          distrust: (voter) => governance.distrust(voter),
        }),
        'servers.drain': drainVerb(hosting),
        'tools.approve': approveToolVerb(parts.pins),
        ...governanceVerbs(governance),
        ...fogVerbs({ office: fogging.fog.office, artifacts: fogging.artifacts, nodeId, wallMs: Date.now }),
        ...revokeVerbs({
          ...{ ...identity, keys, villageId, spread, reporter: bus, now: Date.now },
          origin: async (tokenId, options) => {
            await audit.settled().catch(() => undefined);
            return tokenOrigin(audit.store, tokenId, options);
          },
        }),
        invite: inviteVerb(village, async () => host.addresses()),
        join: joinWhileRunning(),
        ...auditVerbs(audit.store, {
          ...{ villageId, nodeId, issuerKey: keys.issuerKey, anchors: anchorsOf(parts) },
          settled: () => audit.settled(),
        }),
        'audit.tail': auditTail(audit),
        ...restoredVerbs({ villageId, nodeId, log: audit, witnesses: parts.witnesses }),
      },
      { log: () => audit, defaultAgent: () => config().defaultAgent },
    ),
  });
  return { admin, secret };
}

function anchorsOf({ witnesses, host }: Pick<AdminParts, 'witnesses' | 'host'>): AnchorSource {
  return {
    ofOurs: async (options) => ({
      anchors: (await witnesses.collect(options)).map(({ anchored }) => anchored),
      alone: host.admitted().size === 0,
    }),
    ofNode: (nodeId) => witnesses.anchorsOf(nodeId),
  };
}

function auditStatus({ audit, witnesses }: Pick<AdminParts, 'witnesses' | 'audit'>): AuditStatusParts {
  return { head: () => audit, witnesses: () => witnesses.status() };
}

/** `127.0.0.1:7118`, `[::1]:0`; the configuration's schema has checked the form. */
function hostAndPort(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon).replace(/^\[|\]$/g, ''), Number(address.slice(colon + 1))];
}
