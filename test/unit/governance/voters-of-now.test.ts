import { expect, test } from 'vitest';
import { policyOnDisk } from '../../../node/governance/index.ts';
import { StatementStore } from '../../../node/governance/statement-store.ts';
import { AgentKeystore, OwnAgents } from '../../../node/identity/index.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { agentVerbs } from '../../../node/verbs/index.ts';
import { Ledger } from '../../../src/governance/index.ts';
import { dataFolder } from '../../support/process-node.ts';
import { keypair } from '../../support/keypair.ts';
import { council, feed, NET, Pen, pens } from '../../support/voters.ts';

/** A disk that holds how king's seat went to a warden, whom the constitution does not name. */
async function amended() {
  const ledger = new Ledger(council);
  const { sage, curator, king } = pens();
  const warden = new Pen('warden', 75);
  const { king: _, ...stay } = council.voters;
  const changes = { voters: { ...stay, warden: warden.key }, overseer: null };
  const action = { op: 'amend', base: 'genesis', changes, proofs: [warden.proof(0)] } as const;
  const plan = sage.propose('critical_change', [{ ...action, proofs: [...action.proofs] }]);
  const commits = [sage, curator, king].map((pen) => pen.commit(plan.id, 'approve'));
  feed(ledger, plan, ...commits);
  const fences = [king, sage, curator].map((pen) => {
    const fence = pen.write('fence', { change: plan.id, heads: [...ledger.tips()], without: null });
    feed(ledger, fence);
    return fence;
  });
  expect(ledger.epoch().ep).toBe(1);
  const store = new MemoryStore();
  const kept = new StatementStore(store);
  for (const statement of [plan, ...commits, ...fences]) await kept.put(statement);
  return { store, warden };
}

test('who votes is read from what was decided, also where no node runs', async () => {
  const { store, warden } = await amended();
  const policy = await policyOnDisk(store, council);
  expect(['sage', 'king', 'warden'].map((name) => policy.isVoter(name))).toEqual([true, false, true]);
  expect(policy.agentOf('warden')).toMatchObject({ key: warden.key });
});

test('the key of a voter who came with an amendment is taken in, shown as a voter’s, and leaves as a move, with where its log ended', async () => {
  const { store, warden } = await amended();
  const policy = await policyOnDisk(store, council);
  const dataDir = dataFolder('voters-of-now');
  const moved: string[] = [];
  const verbs = agentVerbs({
    nodeId: keypair(10).peerId,
    policy: () => policy,
    membership: () => undefined,
    ownAgents: new OwnAgents(dataDir),
    keystore: new AgentKeystore(dataDir),
    forget: () => undefined,
    signerState: async (voter) => {
      moved.push(voter);
      return { village: NET, voter, seq: 0, head: null };
    },
    distrust: async () => undefined,
    adopt: async () => undefined,
  });
  const never = { signal: new AbortController().signal };
  const { d } = keypair(75);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: warden.key, d };
  expect(await verbs['agents.key.import']({ key: jwk }, never)).toEqual({ name: 'warden' });
  const { agents } = await verbs['agents.list']({}, never);
  expect(agents.find(({ name }) => name === 'warden')).toMatchObject({ voter: true, has_key: true });
  expect(agents.find(({ name }) => name === 'king')).toMatchObject({ voter: false });
  const exported = await verbs['agents.key.export']({ name: 'warden' }, never);
  expect(exported).toMatchObject({ moved: true, key: { d, signer: { voter: 'warden' } } });
  expect(moved).toEqual(['warden']);
});
