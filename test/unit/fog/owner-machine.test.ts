import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LIMITS,
  type Message,
  nextOfOwner,
  objectToDeploy,
  type OwnerEffect,
  type OwnerEntry,
  type OwnerEvent,
  type OwnerState,
  type Slot,
  startOwner,
  stepOwner,
  type ToOwner,
  VOTE_POLICY,
  type Wanted,
} from '../../../src/fog/index.ts';
import { adFrom, SPEC, TriedNode } from './fixtures.ts';

const WANTED: Wanted = {
  deployment: 'd',
  agent: 'magi',
  spec: SPEC,
  slots: 1,
  allowFallback: false,
  gang: false,
  spread: false,
  publisherKnown: true,
};

/** An owner that has heard of nodes, and of which a test looks at what it sends. */
class TriedOwner {
  nowMs = 1_000;
  state: OwnerState;
  did: readonly OwnerEffect[];

  constructor(nodes: readonly string[] = ['n1'], journal: readonly OwnerEntry[] = []) {
    const slots = journal.flatMap((entry) =>
      entry.kind === 'attempt'
        ? [{ deployment: entry.deployment, slot: entry.slot, epoch: entry.holder.epoch, holder: entry.holder }]
        : [],
    );
    const deployments = journal.flatMap((entry) => (entry.kind === 'deployment' ? [entry.deployment] : []));
    const begun = startOwner(
      { node: 'owner', votePolicy: VOTE_POLICY, limits: LIMITS },
      { instance: 'b'.repeat(32), dice: 7, nowMs: this.nowMs, deployments, slots },
    );
    this.state = begun.state;
    this.did = begun.effects;
    for (const node of nodes) this.step({ kind: 'ad', ad: adFrom(new TriedNode({ node }).state) });
  }

  step(event: OwnerEvent): this {
    const { state, effects } = stepOwner(this.state, { ...event, nowMs: this.nowMs });
    this.state = state;
    this.did = effects;
    return this;
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this.step({ kind: 'tick' });
  }

  hear(from: string, message: ToOwner): this {
    return this.step({ kind: 'message', from, message });
  }

  sent<K extends string>(kind: K): (Extract<OwnerEffect, { kind: 'send' }>['message'] & { kind: K }) | undefined {
    for (const effect of this.did)
      if (effect.kind === 'send' && effect.message.kind === kind)
        return effect.message as Extract<OwnerEffect, { kind: 'send' }>['message'] & { kind: K };
    return undefined;
  }

  get slot(): Slot {
    return this.state.slots.get('d')!.get(0)!;
  }
}

const OFFER = {
  offerId: 'o',
  free: SPEC.res,
  estStartMs: 0,
  warm: true,
  enforcement: [],
  preempts: false,
  validMs: 3_000,
};

/** Up to where `n1` has reserved it: the next thing that is sent is the Accept. */
function accepting(wanted: Partial<Wanted> = {}): { owner: TriedOwner; reservationId: string } {
  const owner = new TriedOwner().step({ kind: 'deploy', wanted: { ...WANTED, ...wanted } });
  const cfpId = (owner.sent('cfp') as Message<'cfp'>).cfpId;
  owner.hear('n1', { kind: 'offer', cfpId, ...OFFER, enforcement: [] });
  const { reservationId } = owner.sent('reserve') as Message<'reserve'>;
  owner.hear('n1', { kind: 'reserved', reservationId, expiresInMs: 10_000, gpuIds: [], bootSeq: 3, nonce: 'n.1' });
  return { owner, reservationId };
}

function running(wanted: Partial<Wanted> = {}): { owner: TriedOwner; reservationId: string } {
  const { owner, reservationId } = accepting(wanted);
  owner.hear('n1', { kind: 'accepted', reservationId, placementId: 'p', state: 'running', rev: 4 });
  return { owner, reservationId };
}

const attempt = { deployment: 'd', slot: 0, term: 1, epoch: 1 };
const renewOf = (reservationId: string, change: Partial<Message<'renew'>> = {}): Message<'renew'> => ({
  kind: 'renew',
  reservationId,
  placementId: 'p',
  ...attempt,
  nonce: 'x',
  state: 'running',
  rev: 5,
  ...change,
});

describe('an owner', () => {
  test('has an epoch on disk before it sends the Accept that names it', () => {
    const { owner } = accepting();
    const order = owner.did.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));
    expect(order.filter((kind) => kind === 'journal' || kind === 'accept')).toEqual(['journal', 'accept']);
    expect(owner.did.find(({ kind }) => kind === 'journal')).toMatchObject({
      entry: { kind: 'attempt', deployment: 'd', slot: 0, holder: { epoch: 1, node: 'n1', nonce: 'n.1', bootSeq: 3 } },
    });
  });

  test('asks again with the same reservation, then gives it back and waits with a reason', () => {
    const owner = new TriedOwner().step({ kind: 'deploy', wanted: WANTED });
    owner.hear('n1', { kind: 'offer', cfpId: (owner.sent('cfp') as Message<'cfp'>).cfpId, ...OFFER, enforcement: [] });
    const first = owner.sent('reserve');
    expect(owner.wait(800).sent('reserve')).toEqual(first);
    expect(owner.wait(800).sent('reserve')).toEqual(first);
    owner.wait(800);
    expect(owner.sent('cancel')).toBeDefined();
    expect(owner.slot.reasons).toMatchObject([{ node: 'n1', code: 'UNREACHABLE' }]);
  });

  test('asks what became of an Accept that nobody answers, and adopts what runs', () => {
    const { owner, reservationId } = accepting();
    owner.wait(800).wait(800).wait(800);
    expect(owner.slot.state).toBe('uncertain');
    expect(owner.sent('query')).toEqual({ kind: 'query', reservationId });
    const placement = { placementId: 'p', state: 'running', rev: 4 } as const;
    owner.hear('n1', { kind: 'row', reservationId, bootSeq: 3, reservation: 'committed', placement });
    expect(owner.slot.state).toBe('running');
  });

  test('waits with an exclusive slot until the lease is over for sure: 15 s x 1.02 + 250 ms', () => {
    const { owner } = running();
    owner.wait(9_000);
    expect(owner.slot.state).toBe('suspect');
    owner.wait(6_549);
    expect(owner.slot.holder?.epoch).toBe(1);
    owner.wait(1);
    expect(owner.slot.holder).toBeUndefined();
    expect(owner.slot.history.at(-1)).toMatchObject({ node: 'n1', epoch: 1, because: 'lease' });
    expect(owner.sent('cfp')).toBeDefined();
  });

  test('replaces at suspicion what may overlap', () => {
    const { owner } = running({ spec: { ...SPEC, mode: 'at_least_once' } });
    expect(owner.wait(9_000).sent('cfp')).toBeDefined();
    expect(owner.slot.holder?.epoch).toBe(1);
  });

  test('grants a renewal and reckons anew until when it may last', () => {
    const { owner, reservationId } = running();
    owner.nowMs += 5_000;
    owner.hear('n1', renewOf(reservationId));
    expect(owner.sent('renew-ok')).toEqual({ kind: 'renew-ok', placementId: 'p', nonce: 'x', leaseMs: 15_000 });
    expect(owner.slot.holder?.reclaimMs).toBe(6_000 + 15_300 + 250);
  });

  test.each([
    ['an earlier epoch', { epoch: 0 }, 'superseded'],
    ['a deployment that it does not know', { deployment: 'other' }, 'unknown'],
  ])('refuses to renew %s', (_what, change, because) => {
    const { owner, reservationId } = running();
    owner.hear('n1', renewOf(reservationId, change));
    expect((owner.sent('renew-no') as Message<'renew-no'>).because).toBe(because);
  });

  test('asks a node that started again, and believes the answer about that reservation alone', () => {
    const { owner, reservationId } = running();
    owner.hear('n1', { kind: 'hello', node: 'n1', bootSeq: 4, instance: 'c'.repeat(32) });
    expect(owner.slot.holder?.epoch).toBe(1);
    expect(owner.sent('query')).toBeDefined();
    owner.hear('n1', { kind: 'row', reservationId, bootSeq: 4, reservation: 'unknown' });
    expect(owner.slot.holder).toBeUndefined();
  });

  test('waits for the lease when a disk was wiped', () => {
    const { owner, reservationId } = running();
    owner.hear('n1', { kind: 'row', reservationId, bootSeq: 1, reservation: 'unknown' });
    expect(owner.slot.holder?.epoch).toBe(1);
  });

  test('starting again, asks about what may run and waits one full lease from its start', () => {
    const { owner } = accepting();
    const { deployments } = owner.state;
    const { reservationId, node, epoch, bootSeq, nonce, leaseMs } = owner.slot.holder!;
    const holder = { reservationId, node, epoch, bootSeq, nonce, leaseMs };
    const again = new TriedOwner(
      ['n1'],
      [
        { kind: 'deployment', deployment: deployments.get('d')! },
        { kind: 'attempt', deployment: 'd', slot: 0, holder },
      ],
    );
    expect(again.slot).toMatchObject({ state: 'uncertain', epoch: 1 });
    expect(again.slot.holder?.reclaimMs).toBe(1_000 + 15_300 + 250);
    again.wait(15_549);
    expect(again.slot.holder).toBeDefined();
    again.wait(1);
    expect(again.slot.holder).toBeUndefined();
  });

  test('asks the village for what is large, and places nothing before it agreed', () => {
    const wanted = { ...WANTED, slots: 9 };
    const owner = new TriedOwner().step({ kind: 'deploy', wanted });
    expect(owner.did.find(({ kind }) => kind === 'vote')).toMatchObject({ approval: { deployment: 'd', maxSlots: 9 } });
    expect(owner.sent('cfp')).toBeUndefined();
    owner.step({ kind: 'voted', deployment: 'd', approval: null });
    expect(owner.slot.state).toBe('failed');
  });

  test('takes the same deployment once, and another of that name not at all', () => {
    const { owner } = running();
    expect(objectToDeploy(owner.state, WANTED)).toBeUndefined();
    expect(owner.step({ kind: 'deploy', wanted: WANTED }).did).toEqual([]);
    expect(objectToDeploy(owner.state, { ...WANTED, slots: 2 })?.code).toBe('CONFLICT');
  });

  test('stops what it stops, and forgets it when the process has ended', () => {
    const { owner, reservationId } = running();
    owner.step({ kind: 'stop', deployment: 'd', graceMs: 1_000 });
    expect(owner.sent('release')).toMatchObject({ reservationId, graceMs: 1_000 });
    expect(owner.state.deployments.size).toBe(1);
    owner.hear('n1', {
      kind: 'released',
      reservationId,
      ...attempt,
      placementId: 'p',
      rev: 9,
      reason: 'released',
      detail: '',
    });
    expect(owner.state.deployments.size).toBe(0);
    expect(owner.state.epochs.get('d 0')).toBe(1);
  });

  test('reaches the same state in whatever order late news of a placement come, each any number of times', () => {
    const news: ToOwner[] = [4, 5, 6, 7].map((rev) => ({
      kind: 'status',
      reservationId: '',
      placementId: 'p',
      ...attempt,
      run: 1,
      rev,
      state: rev === 7 ? 'running' : 'starting',
    }));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 }), (order) => {
        const { owner, reservationId } = accepting();
        for (const index of [...order, 3, ...order]) owner.hear('n1', { ...news[index]!, reservationId } as ToOwner);
        expect(owner.slot).toMatchObject({ state: 'running', epoch: 1, holder: { rev: 7 } });
      }),
    );
  });

  test('has its next tick when something is due', () => {
    expect(nextOfOwner(new TriedOwner().state)).toBeUndefined();
    expect(nextOfOwner(running().owner.state)).toBe(1_000 + 9_000);
  });
});

describe('what is decided while it runs', () => {
  const big: Wanted = { ...WANTED, spec: { ...SPEC, res: { ...SPEC.res, gpus: 1 } } };

  test('a policy that is changed counts for what is deployed after it', () => {
    const owner = new TriedOwner();
    owner.step({ kind: 'deploy', wanted: { ...big, deployment: 'before' } });
    owner.step({ kind: 'configure', votePolicy: { ...VOTE_POLICY, gpus: false } });
    owner.step({ kind: 'deploy', wanted: { ...big, deployment: 'after' } });
    const votes = [...owner.state.deployments.values()].map(({ deployment, vote }) => [deployment, vote]);
    expect(votes).toEqual([
      ['before', 'awaited'],
      ['after', 'not-needed'],
    ]);
  });

  test('what is longer than a message may be is said to be so, and nobody else is asked', () => {
    const owner = new TriedOwner(['n1', 'n2']).step({ kind: 'deploy', wanted: WANTED });
    const { cfpId } = owner.sent('cfp') as Message<'cfp'>;
    for (const node of ['n1', 'n2']) owner.hear(node, { kind: 'offer', cfpId, ...OFFER, enforcement: [] });
    const { reservationId } = owner.sent('reserve') as Message<'reserve'>;
    owner.step({ kind: 'unsendable', reservationId });
    expect(owner.sent('reserve')).toBeUndefined();
    expect(owner.slot.state).toBe('blocked');
    expect(owner.slot.reasons.at(-1)).toMatchObject({
      code: 'REFUSED_POLICY',
      detail: expect.stringContaining('longer'),
    });
  });
});

describe('how long offers are waited for', () => {
  const asking = (rtt: Readonly<Record<string, number>>) => {
    const owner = new TriedOwner(['n1', 'n2']);
    for (const [node, rttMs] of Object.entries(rtt)) owner.step({ kind: 'rtt', node, rttMs });
    owner.step({ kind: 'deploy', wanted: WANTED });
    return { owner, cfpId: (owner.sent('cfp') as Message<'cfp'>).cfpId };
  };

  test('with one offer at hand, a node is waited for no longer than twice its usual time', () => {
    const { owner, cfpId } = asking({ n1: 5, n2: 5 });
    owner.hear('n1', { kind: 'offer', cfpId, ...OFFER, enforcement: [] });
    expect(owner.sent('reserve')).toBeUndefined();
    expect(nextOfOwner(owner.state)).toBe(1_030);
    expect(owner.wait(30).sent('reserve')).toMatchObject({ deployment: 'd' });
  });

  test('without an offer, and for a node whose time is not known, the whole window is waited', () => {
    const unknown = asking({ n1: 5 });
    unknown.owner.hear('n1', { kind: 'offer', cfpId: unknown.cfpId, ...OFFER, enforcement: [] });
    expect(nextOfOwner(unknown.owner.state)).toBe(1_000 + LIMITS.offerWaitMs);
    const refused = asking({ n1: 5, n2: 5 });
    refused.owner.hear('n1', { kind: 'refuse', cfpId: refused.cfpId, code: 'DRAINING', detail: '' });
    expect(nextOfOwner(refused.owner.state)).toBe(1_000 + LIMITS.offerWaitMs);
  });

  test('one slow answer is no slow node', () => {
    const { owner } = asking({ n1: 8 });
    owner.step({ kind: 'rtt', node: 'n1', rttMs: 200 });
    expect(owner.state.peers.get('n1')?.rttMs).toBe(32);
  });
});

describe('what nodes answer', () => {
  const recorded = ({ did }: TriedOwner) => did.flatMap((one) => (one.kind === 'record' ? [one.record] : []));

  test('is on record: each offer, each refusal and its reason', () => {
    const owner = new TriedOwner(['n1', 'n2']).step({ kind: 'deploy', wanted: WANTED });
    const cfpId = owner.sent('cfp')?.cfpId ?? '';
    owner.hear('n1', { kind: 'refuse', cfpId, code: 'DRAINING', detail: 'draining' });
    expect(recorded(owner)).toMatchObject([{ of: 'slot', peer: 'n1', because: 'DRAINING', detail: 'draining' }]);
    const { free } = adFrom(new TriedNode({ node: 'n2' }).state);
    const offer = { offerId: 'o', free, estStartMs: 0, warm: true, enforcement: [], preempts: false, validMs: 3_000 };
    owner.hear('n2', { kind: 'offer', cfpId, ...offer });
    expect(recorded(owner)[0]).toMatchObject({ of: 'slot', peer: 'n2', because: 'offered' });
  });

  test('is not asked of a node that was named and is not known: that is the reason', () => {
    const owner = new TriedOwner().step({ kind: 'deploy', wanted: { ...WANTED, target: 'nobody' } });
    expect(owner.slot).toMatchObject({ state: 'blocked', reasons: [{ node: 'nobody', code: 'UNREACHABLE' }] });
  });

  test('is not asked for a shard that would be booked for nothing', () => {
    const spec = { ...SPEC, res: { ...SPEC.res, memMib: 0 } };
    expect(objectToDeploy(new TriedOwner().state, { ...WANTED, spec })?.code).toBe('REFUSED_POLICY');
  });
});

describe('the profile of its kind', () => {
  const asked = (agentType: string, nodes: readonly string[], more: Partial<Wanted> = {}) => {
    const wanted = { ...WANTED, ...more, spec: { ...SPEC, agentType } };
    const owner = new TriedOwner(nodes).step({ kind: 'deploy', wanted });
    return owner.did.flatMap((one) => (one.kind === 'send' ? [`${one.message.kind} ${one.to}`] : [])).toSorted();
  };

  test('keeps a king off the node of its owner while another could run it', () => {
    expect(asked('king', ['owner', 'n1', 'n2'])).toEqual(['cfp n1', 'cfp n2']);
    expect(asked('navigator', ['owner', 'n1'])).toEqual(['cfp n1', 'cfp owner']);
  });

  test('says nothing where no other could, or the owner was named', () => {
    expect(asked('king', ['owner'])).toEqual(['cfp owner']);
    expect(asked('king', ['owner', 'n1'], { target: 'owner' })).toEqual(['reserve owner']);
  });

  test('lets a sage run at its owner only where others offer nothing better', () => {
    const wanted = { ...WANTED, spec: { ...SPEC, agentType: 'sage' } };
    const owner = new TriedOwner(['owner', 'n1']).step({ kind: 'deploy', wanted });
    const cfpId = owner.sent('cfp')?.cfpId ?? '';
    const { free } = adFrom(new TriedNode({ node: 'n1' }).state);
    const offer = { free, estStartMs: 0, warm: false, enforcement: [], preempts: false, validMs: 3_000 };
    owner.hear('owner', { kind: 'offer', cfpId, offerId: 'a', ...offer });
    owner.hear('n1', { kind: 'offer', cfpId, offerId: 'b', ...offer });
    expect(owner.slot.bid?.node).toBe('n1');
  });
});
