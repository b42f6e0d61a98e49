import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Membership, type PolicyView, verifyMembership } from '../../src/constitution/index.ts';
import {
  AgentKeystore,
  DelegationDesk,
  GrantShelf,
  openNodeKeys,
  OwnAgents,
  Revocations,
  TokenDesk,
  TokenEndpoint,
} from '../../node/identity/index.ts';
import { MemoryStore } from '../../node/storage/index.ts';
import type { Keypair } from './keypair.ts';
import { constitution, founder, genesis, type Host, hostA, link, NOW_MS, villageId } from './small-village.ts';

const jwk = ({ x, d }: Keypair): string => JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x, d });

/** Puts key files where a node looks for them. */
export function writeKeys(dataDir: string, host: Host, agents: Readonly<Record<string, Keypair>> = {}): void {
  mkdirSync(join(dataDir, 'keys', 'agents'), { recursive: true });
  writeFileSync(join(dataDir, 'keys', 'node.key'), jwk(host.node), { mode: 0o600 });
  writeFileSync(join(dataDir, 'keys', 'issuer.jwk'), jwk(host.issuer), { mode: 0o600 });
  for (const [name, key] of Object.entries(agents)) {
    writeFileSync(join(dataDir, 'keys', 'agents', `${name}.jwk`), jwk(key), { mode: 0o600 });
  }
}

export interface DeskOptions {
  readonly agents?: Readonly<Record<string, Keypair>>;
  readonly level?: string;
}

/** Everything of node/identity for hostA of the small village, in a folder of its own, on a clock that the caller moves. */
export async function identityDeskIn(dataDir: string, options: DeskOptions = {}) {
  writeKeys(dataDir, hostA, options.agents);
  const chain = [link(founder, hostA, { may: { host: true, invite: false, issue: options.level ?? 'OPERATOR' } })];
  const context = { constitution, villageId, policy: genesis, nowMs: NOW_MS, nodeId: hostA.node.peerId };
  const verdict = verifyMembership(chain, context);
  if (verdict.kind === 'refused') throw new Error(verdict.because);

  const world = {
    nowMs: NOW_MS,
    ids: 0,
    policy: genesis as PolicyView,
    membership: verdict.membership as Membership | undefined,
  };
  const keys = openNodeKeys(dataDir, { create: false });
  const keystore = new AgentKeystore(dataDir);
  const ownAgents = new OwnAgents(dataDir);
  const store = { revocations: new MemoryStore(), grants: new MemoryStore() };
  const revocations = await Revocations.open({ store: store.revocations, nowMs: NOW_MS });
  const grants = await GrantShelf.open({ store: store.grants, nowMs: NOW_MS });
  const desk = new TokenDesk({
    keys,
    keystore,
    ownAgents,
    constitution,
    villageId,
    revocations,
    policy: () => world.policy,
    membership: () => world.membership,
    now: () => world.nowMs,
    newId: () => `token-${(world.ids += 1)}`,
  });
  const issued: object[] = [];
  const onIssued = (token: object) => void issued.push(token);
  const endpoint = new TokenEndpoint({
    ...{ desk, grants, keys, villageId, onIssued },
    now: () => world.nowMs,
  });
  const delegations = new DelegationDesk({ keys, keystore, grants, villageId });
  const opened = { dataDir, world, keys, keystore, ownAgents, store, revocations, grants };
  return { ...opened, desk, endpoint, delegations, issued, onIssued };
}
