import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../node/discovery/index.ts';
import { Governance } from '../../node/governance/index.ts';
import { Libp2pHost } from '../../node/host/index.ts';
import { MemoryDatabase, MemoryStore } from '../../node/storage/index.ts';
import { Policy } from '../../src/constitution/index.ts';
import { constitution as drawn, KeyRing, type VoterName } from '../support/governance-network.ts';
import { keypair } from '../support/keypair.ts';
import { GuestList, Reports } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';
import { villageIdOf } from '../../src/constitution/index.ts';

const constitution = { ...drawn, created_at: Date.now() - 1_000 };
const villageId = villageIdOf(constitution);
const KEY = 'knowledge.retention_days';
const never = { signal: new AbortController().signal };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Node {
  readonly host: Libp2pHost;
  readonly governance: Governance;
  readonly guests: GuestList;
  readonly days: () => unknown;
}

let names = 0;

/** Real libp2p, and a guest list of its own: whoever is not on it is hung up on and not let in. */
async function start(seed: number, holds: readonly VoterName[]): Promise<Node> {
  const key = keypair(seed);
  const guests = new GuestList();
  const database = new MemoryDatabase();
  names += 1;
  guests.members.add(key.peerId);
  const host = new Libp2pHost({
    nodeId: key.peerId,
    peerSeed: Buffer.from(key.d, 'base64url'),
    villageId,
    membership: guests,
    listen: [`/memory/governance-${process.pid}-${names}`],
    transport: 'memory',
    stores: { host: database.namespace('host'), knownPeers: database.namespace('known') },
    reporter: new Reports(),
    limits: { redialFirstMs: 100, redialLongestMs: 300 },
  });
  let policy = new Policy(constitution);
  const village = {
    villageId,
    constitution,
    policy: () => policy,
    setPolicy: (next: Policy) => {
      policy = next;
    },
    chain: () => [],
    verify: (chain: readonly string[], nodeId: string) => guests.verify(chain, nodeId),
  };
  const governance = await Governance.open({
    host,
    village,
    reporter: new Reports(),
    clock: systemClock,
    store: new MemoryStore(),
    keys: new KeyRing(holds),
    sign: (typ, payload) => key.jws(typ, payload),
    alone: () => false,
    pullIntervalMs: 500,
  });
  cleanups.push(async () => {
    await governance.stop();
    await host.stop();
  });
  await host.start();
  governance.start();
  return { host, governance, guests, days: () => policy.value(KEY) };
}

function allow(one: Node, other: Node): void {
  one.guests.members.add(other.host.nodeId);
  other.guests.members.add(one.host.nodeId);
}

/** Both stop to let the other in, and hang up. */
function forbid(one: Node, other: Node): void {
  one.guests.members.delete(other.host.nodeId);
  other.guests.members.delete(one.host.nodeId);
  one.host.reverify();
  other.host.reverify();
}

async function link(one: Node, other: Node): Promise<void> {
  await one.host.dial(other.host.addresses()[0] as string, { signal: AbortSignal.timeout(5_000) });
}

const as = ({ host }: Node, agentId: VoterName) => ({ agentId, homeNode: host.nodeId, issuedAtMs: Date.now() });

async function approve(node: Node, voter: VoterName, proposalId: string): Promise<void> {
  const request = { proposalId, vote: 'approve', reasoning: 'yes', conditions: [], final: false } as const;
  await until(async () => (await node.governance.vote(request, as(node, voter), never)).kind === 'done');
}

test('a village that is cut in two decides where two voters are, and agrees when it is whole again', async () => {
  const left = [await start(31, ['sage']), await start(32, ['curator'])] as const;
  const right = [await start(33, ['king']), await start(34, [])] as const;
  const all = [...left, ...right];
  for (const one of all) for (const other of all) if (one !== other) allow(one, other);
  const [a, b, c, d] = all as [Node, Node, Node, Node];
  await link(a, b);
  await link(b, c);
  await link(c, d);
  await link(a, d);
  await until(() => all.every(({ host }) => host.admitted().size >= 2));

  for (const one of left) for (const other of right) forbid(one, other);
  await until(() => all.every(({ host }) => host.admitted().size === 1));
  const request = {
    title: 'Longer',
    description: 'x',
    type: 'major_change',
    configUpdates: { [KEY]: 90 },
    autoVote: true,
  };
  const acted = await a.governance.propose(request, as(a, 'sage'), never);
  const id = acted.kind === 'done' ? acted.value.proposal_id : '';
  await approve(b, 'curator', id);
  await until(() => left.every(({ days }) => days() === 90));
  expect(right.map(({ days }) => days())).toEqual([30, 30]);

  for (const one of left) for (const other of right) allow(one, other);
  await link(b, c);
  await until(() => all.every(({ days }) => days() === 90), { timeoutMs: 5_000 });
  await until(() => d.governance.policies({ key: KEY })[0]?.applied_by.length === 4);
  expect(c.governance.proposal(id)).toMatchObject({ status: 'approved', votes_for: 2 });
}, 30_000);
