import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../node/discovery/index.ts';
import { Governance } from '../../node/governance/index.ts';
import { Libp2pHost } from '../../node/host/index.ts';
import { LevelDatabase, MemoryDatabase } from '../../node/storage/index.ts';
import { Policy, villageIdOf } from '../../src/constitution/index.ts';
import { constitution as drawn, KeyRing, type VoterName } from '../support/governance-network.ts';
import { GuestList, type Identity, newIdentity, Reports } from '../support/mesh-hosts.ts';
import { until } from '../support/until.ts';

// From the call of governance_proposal to the decision in force on every node: NODES nodes in this process over loopback TCP, three voters on
// three of them, statements fsynced. Then a joiner that knows nothing. `node test/bench/governance.ts [rounds] [nodes]`.
const ROUNDS = Number(process.argv[2] ?? 100);
const NODES = Number(process.argv[3] ?? 20);
const LINKS = 3;
const KEY = 'knowledge.retention_days';
const constitution = { ...drawn, created_at: Date.now() };
const villageId = villageIdOf(constitution);
const never = { signal: new AbortController().signal };

const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
const guests = new GuestList();

interface Node {
  readonly host: Libp2pHost;
  readonly governance: Governance;
  readonly policy: () => Policy;
}

async function start(name: string, holds: readonly string[]): Promise<Node> {
  const identity: Identity = newIdentity();
  guests.members.add(identity.nodeId);
  const database = new MemoryDatabase();
  const host = new Libp2pHost({
    nodeId: identity.nodeId,
    peerSeed: identity.seed,
    villageId,
    membership: guests,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    stores: { host: database.namespace('host'), knownPeers: database.namespace('known') },
    reporter: new Reports(),
  });
  let policy = new Policy(constitution);
  const level = await LevelDatabase.open(join(folder, name));
  const governance = await Governance.open({
    host,
    village: {
      villageId,
      constitution,
      policy: () => policy,
      setPolicy: (next) => {
        policy = next;
      },
      chain: () => [],
      verify: (chain, nodeId) => guests.verify(chain, nodeId),
    },
    reporter: new Reports(),
    clock: systemClock,
    store: level.namespace('governance'),
    keys: new KeyRing(holds),
    sign: (typ, payload) => jws(identity, typ, payload),
    alone: () => false,
  });
  await host.start();
  governance.start();
  return { host, governance, policy: () => policy };
}

function jws({ seed }: Identity, typ: string, payload: object): string {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
  const part = (value: object) =>
    Buffer.from(
      JSON.stringify(Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))),
    ).toString('base64url');
  const input = `${part({ alg: 'EdDSA', typ })}.${part(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

const signal = () => ({ signal: AbortSignal.timeout(20_000) });
const nodes: Node[] = [];
for (let index = 0; index < NODES; index += 1) {
  const holds = (['sage', 'curator', 'king'] as const)[index];
  const node = await start(`n${index}`, holds === undefined ? [] : [holds]);
  for (let link = 1; link <= Math.min(LINKS, index); link += 1) {
    const other = nodes[Math.floor(((link - 0.5) / LINKS) * index)] as Node;
    await node.host.dial(other.host.addresses()[0] as string, signal());
  }
  nodes.push(node);
}
const [sage, curator, king] = nodes as [Node, Node, Node];
const as = ({ host }: Node, agentId: VoterName) => ({ agentId, homeNode: host.nodeId, issuedAtMs: Date.now() });
const approve = (node: Node, voter: VoterName, proposalId: string) => {
  const request = { proposalId, vote: 'approve', reasoning: 'bench', conditions: [], final: false } as const;
  return until(async () => (await node.governance.vote(request, as(node, voter), never)).kind === 'done', {
    intervalMs: 2,
    timeoutMs: 30_000,
  });
};

const took: number[] = [];
const receipted: number[] = [];
await new Promise((resolve) => setTimeout(resolve, 3_000)); // the mesh of gossip forms by heartbeats
for (let round = 0; round < ROUNDS + 5; round += 1) {
  const days = 31 + round;
  const began = performance.now();
  const request = {
    title: `Keep ${days} days`,
    description: 'bench',
    type: 'major_change',
    configUpdates: { [KEY]: days },
    autoVote: false,
  };
  const acted = await sage.governance.propose(request, as(sage, 'sage'), never);
  if (acted.kind === 'refused') throw new Error(acted.refusal.message);
  await Promise.all([
    approve(curator, 'curator', acted.value.proposal_id),
    approve(king, 'king', acted.value.proposal_id),
  ]);
  await until(() => nodes.every(({ policy }) => policy().value(KEY) === days), { timeoutMs: 30_000, intervalMs: 1 });
  if (round >= 5) took.push(performance.now() - began);
  // The next one begins when the village is at rest: everybody has everybody's receipt.
  const isKnown = ({ governance }: Node) => governance.policies({ key: KEY })[0]?.applied_by.length === NODES;
  await until(() => nodes.every(isKnown), { timeoutMs: 30_000, intervalMs: 20 });
  if (round >= 5) receipted.push(performance.now() - began);
}
const at = (times: readonly number[], share: number) => {
  const sorted = times.toSorted((one, other) => one - other);
  return `${(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number).toFixed(0)} ms`;
};
const told = (times: readonly number[]) => `p50 ${at(times, 0.5)}, p99 ${at(times, 0.99)}, most ${at(times, 1)}`;
console.log(`${NODES} nodes, ${ROUNDS} decisions, from the proposal to in force everywhere: ${told(took)}`);
console.log(`… and every receipt known everywhere: ${told(receipted)}`);

const began = performance.now();
const late = await start('late', []);
await late.host.dial((nodes.at(-1) as Node).host.addresses()[0] as string, signal());
await until(() => late.policy().value(KEY) === 30 + ROUNDS + 5, { timeoutMs: 20_000, intervalMs: 1 });
console.log(`a joiner has the policy after ${(performance.now() - began).toFixed(0)} ms, its own start included`);

await Promise.all(
  [...nodes, late].map(async ({ governance, host }) => {
    await governance.stop();
    await host.stop();
  }),
);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
