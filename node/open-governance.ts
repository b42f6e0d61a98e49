import { type AuditSources, auditPort } from './audit-port.ts';
import type { Role } from './backends/role.ts';
import { systemClock } from './discovery/index.ts';
import { Governance, tracedDesk } from './governance/index.ts';
import { hostStores, type Libp2pHost } from './host/index.ts';
import type { AgentKeystore, NodeKeys } from './identity/index.ts';
import { governanceRole, Registrations, type RestartPort } from './roles/governance/index.ts';
import type { Database } from './storage/index.ts';
import { witnessDisk } from './restored-disk.ts';
import type { Reporter } from './telemetry/index.ts';
import type { Village } from './village/index.ts';

export interface GovernanceFoundation {
  readonly dataDir: string;
  readonly bus: Reporter;
  readonly database: Database;
  readonly keys: NodeKeys;
  readonly village: Village;
  readonly host: Libp2pHost;
  readonly keystore: AgentKeystore;
  readonly restarts: RestartPort;
  readonly audit: AuditSources;
  /** Addresses that the configuration names. */
  readonly bootstrap: readonly string[];
}

/** Where the voters' statements of a village lie. */
export const governanceNamespace = (villageId: string): string => `governance-${villageId.slice(0, 16)}`;

/** Brings the policy of the village into force, and makes the role by which agents see and change it. Before the host starts. */
export async function openGovernance(
  foundation: GovernanceFoundation,
): Promise<{ readonly governance: Governance; readonly role: Role }> {
  const { dataDir, bus, database, keys, village, host, keystore, audit, bootstrap, restarts } = foundation;
  const { villageId } = village;
  const { nodeId, issuerKey } = keys;
  const met = await hasMetOthers(database, villageId);
  const strangers = met || bootstrap.length > 0 || village.inviterAddresses().length > 0;
  const witness = await witnessDisk(dataDir, database.namespace('witness'));
  const governance = await Governance.open({
    host,
    village,
    reporter: bus,
    clock: systemClock,
    store: database.namespace(governanceNamespace(villageId)),
    keys: keystore,
    sign: (typ, payload) => keys.signAsNode(typ, payload),
    restored: witness.restored,
    alone: () => !strangers && host.admitted().size === 0,
  });
  await witness.record();
  const role = governanceRole({
    desk: tracedDesk(governance, bus),
    audit: auditPort(audit, { villageId, nodeId, issuerKey }),
    registrations: new Registrations(),
    restarts,
    wallMs: Date.now,
  });
  return { governance, role };
}

async function hasMetOthers(database: Database, villageId: string): Promise<boolean> {
  const { stores } = hostStores(database, villageId);
  for await (const _ of stores.knownPeers.entries({ limit: 1 })) return true;
  return false;
}
