import { randomBytes } from 'node:crypto';
import {
  AgentKeystore,
  DelegationDesk,
  GrantShelf,
  type NodeKeys,
  OwnAgents,
  Revocations,
  TokenDesk,
  TokenEndpoint,
} from './identity/index.ts';
import type { Database } from './storage/index.ts';
import type { Events, Reporter } from './telemetry/index.ts';
import type { Village } from './village/index.ts';

/** Everything by which a node speaks for agents. */
export interface Identity {
  readonly keystore: AgentKeystore;
  readonly ownAgents: OwnAgents;
  readonly revocations: Revocations;
  readonly desk: TokenDesk;
  readonly endpoint: TokenEndpoint;
  readonly delegations: DelegationDesk;
}

/** Opens the keys, tokens and revocations of a data folder, for a node that runs or for a verb on its files. */
export async function openIdentity(
  village: Village,
  options: { readonly dataDir: string; readonly keys: NodeKeys; readonly database: Database; readonly bus?: Reporter },
): Promise<Identity> {
  const { dataDir, keys, database } = options;
  const { villageId, constitution } = village;
  const now = Date.now;
  const onIssued = (issued: Events['token.issued']) => options.bus?.report('token.issued', issued);
  const place = villageId.slice(0, 16);
  const keystore = new AgentKeystore(dataDir);
  const ownAgents = new OwnAgents(dataDir);
  const revocations = await Revocations.open({ store: database.namespace(`revocations-${place}`), nowMs: now() });
  const grants = await GrantShelf.open({ store: database.namespace(`grants-${place}`), nowMs: now() });
  const desk = new TokenDesk({
    keys,
    keystore,
    ownAgents,
    constitution,
    villageId,
    revocations,
    policy: () => village.policy(),
    membership: () => village.membership(),
    now,
    newId: () => randomBytes(18).toString('base64url'),
  });
  const endpoint = new TokenEndpoint({ desk, grants, keys, villageId, now, onIssued });
  const delegations = new DelegationDesk({ keys, keystore, grants, villageId });
  village.onPolicy(() => {
    desk.forget();
    delegations.forget();
  });
  revocations.onRevoked(() => delegations.forget());
  return { keystore, ownAgents, revocations, desk, endpoint, delegations };
}
