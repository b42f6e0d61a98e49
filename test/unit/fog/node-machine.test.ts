import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fits, ledgerOf, type Message, nextOfNode, specDigest, add } from '../../../src/fog/index.ts';
import { CONFIG, SPEC, TriedNode } from './fixtures.ts';

const DIGEST = specDigest(SPEC);

function acceptOf(node: TriedNode, reservationId: string, change: Partial<Message<'accept'>> = {}): Message<'accept'> {
  const row = node.state.rows.get(`owner ${reservationId}`);
  return {
    kind: 'accept',
    reservationId,
    deployment: 'd',
    slot: 0,
    term: 1,
    epoch: 1,
    agent: 'magi',
    nonce: row?.nonce ?? 'none',
    bootSeq: 3,
    leaseMs: 15_000,
    specDigest: DIGEST,
    ...change,
  };
}

/** Runs from 1,000 ms on: reserved and accepted there, ready at once. */
function running(): { node: TriedNode; placementId: string } {
  const node = new TriedNode().reserve('r');
  const placementId = node.hear(acceptOf(node, 'r')).heard('accepted')?.placementId ?? '';
  node.step({ kind: 'fetched', placementId }).step({ kind: 'started', placementId, run: 1 });
  return { node, placementId };
}

describe('what a node holds', () => {
  test('a reservation that is asked for again has the same nonce and the same end', () => {
    const node = new TriedNode().reserve('r');
    const first = node.heard('reserved');
    node.nowMs += 4_000;
    expect(node.reserve('r').heard('reserved')).toEqual({ ...first, expiresInMs: 6_000 });
  });

  test('an end that is over gives everything back, and a late Accept of it is denied', () => {
    const node = new TriedNode().reserve('r');
    const late = acceptOf(node, 'r');
    node.wait(10_000);
    expect(ledgerOf(CONFIG, node.state.rows.values()).free).toEqual(CONFIG.capacity);
    expect(node.hear(late).heard('denied')).toMatchObject({ of: 'accept', code: 'LEASE_LOST' });
  });

  test('the id of another peer is another reservation', () => {
    const node = new TriedNode().reserve('r');
    node.hear({ kind: 'cancel', reservationId: 'r' }, { from: 'stranger' });
    expect(node.heard('row')?.reservation).toBe('unknown');
    expect(node.state.rows.get('owner r')?.state).toBe('held');
  });

  test.each([
    ['more than the node has', { spec: { ...SPEC, res: { ...SPEC.res, memMib: 9_000 } } }, 'INSUFFICIENT'],
    ['a label that it has not', { spec: { ...SPEC, labels: { region: 'cellar' } } }, 'REFUSED_POLICY'],
    ['an artifact that it cannot run', { spec: { ...SPEC, artifact: 'cmd:other' } }, 'REFUSED_POLICY'],
    [
      'no memory, which nothing would hold it to',
      { spec: { ...SPEC, res: { ...SPEC.res, memMib: 0 } } },
      'REFUSED_POLICY',
    ],
    ['no share of a core', { spec: { ...SPEC, res: { ...SPEC.res, cpuMilli: 0 } } }, 'REFUSED_POLICY'],
    ['an emergency without the level', { spec: { ...SPEC, priority: 'emergency' as const } }, 'REFUSED_POLICY'],
  ])('%s is denied with a reason', (_what, change, code) => {
    expect(new TriedNode().reserve('r', change).heard('denied')).toMatchObject({ of: 'reserve', code });
  });

  test('one peer does not hold what all need, beyond its first reservation', () => {
    const node = new TriedNode();
    const large = { spec: { ...SPEC, res: { ...SPEC.res, cpuMilli: 2_000 } } };
    expect(node.reserve('r1', large).heard('reserved')).toBeDefined();
    expect(node.reserve('r2', { slot: 1 }).heard('denied')?.code).toBe('RATE_LIMITED');
  });

  test('what an owner has already counts towards a vote', () => {
    const spec = { ...SPEC, res: { ...SPEC.res, cpuMilli: 3_000 } };
    const policy = { ...CONFIG.votePolicy, above: { cpuMilli: 5_000, memMib: 16_384 } };
    const node = new TriedNode({ votePolicy: policy, capacity: { ...CONFIG.capacity, cpuMilli: 16_000 } });
    node.reserve('r1', { spec });
    node.hear(acceptOf(node, 'r1', { specDigest: specDigest(spec) }));
    expect(node.reserve('r2', { spec, slot: 1 }).heard('denied')?.code).toBe('VOTE_REQUIRED');
  });

  test.each([
    ['its own approval makes it voted, and it counts no more', 'd', 'reserved'],
    ['the approval of another deployment makes nothing voted', 'other', 'denied'],
  ] as const)('%s', (_what, deployment, answer) => {
    const spec = { ...SPEC, res: { ...SPEC.res, cpuMilli: 3_000 } };
    const policy = { ...CONFIG.votePolicy, above: { cpuMilli: 5_000, memMib: 16_384 } };
    const node = new TriedNode({ votePolicy: policy, capacity: { ...CONFIG.capacity, cpuMilli: 16_000 } });
    const digest = specDigest(spec);
    const allowed = { owner: 'owner', specDigest: digest, maxTotal: spec.res, maxSlots: 1, term: 1, notAfter: 1 };
    const checks = { approval: { ...allowed, deployment } };
    const attempt = { deployment: 'd', slot: 0, term: 1, epoch: 1, agent: 'magi', spec, ttlMs: 10_000 };
    node.hear({ kind: 'reserve', reservationId: 'r1', ...attempt }, { checks });
    node.hear(acceptOf(node, 'r1', { specDigest: digest }), { checks });
    expect(node.heard('accepted')).toBeDefined();
    node.reserve('r2', { spec, deployment: 'e' });
    expect(node.said.map(({ kind }) => kind)).toEqual([answer]);
  });

  test('rooms and devices are never booked twice, whatever is asked in whatever order', () => {
    const ask = fc.record({
      id: fc.integer({ min: 0, max: 6 }),
      act: fc.constantFrom('reserve', 'accept', 'cancel', 'release', 'exit', 'wait'),
      cpuMilli: fc.integer({ min: 1, max: 4_000 }),
      gpus: fc.integer({ min: 0, max: 2 }),
      from: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(ask, { maxLength: 60 }), (asks) => {
        const node = new TriedNode();
        for (const { id, act, cpuMilli, gpus, from } of asks) {
          const spec = { ...SPEC, res: { ...SPEC.res, cpuMilli, gpus: gpus === 2 ? 1 : 0 } };
          const reservationId = `r${id}`;
          const row = node.state.rows.get(`${from} ${reservationId}`);
          const attempt = { deployment: 'd', slot: id, term: 1, epoch: 1, agent: from };
          if (act === 'reserve')
            node.hear({ kind: 'reserve', reservationId, ...attempt, spec, ttlMs: 10_000 }, { from });
          if (act === 'accept')
            node.hear(
              {
                ...acceptOf(node, 'r'),
                reservationId,
                ...attempt,
                nonce: row?.nonce ?? 'x',
                specDigest: row?.digest ?? DIGEST,
              },
              { from },
            );
          if (act === 'cancel') node.hear({ kind: 'cancel', reservationId }, { from });
          if (act === 'release') node.hear({ kind: 'release', reservationId, ...attempt, graceMs: 0 }, { from });
          if (act === 'exit' && row?.placement !== undefined)
            node.step({
              kind: 'exited',
              placementId: row.placement.placementId,
              run: row.placement.run,
              exit: { kind: 'oom' },
            });
          if (act === 'wait') node.wait(3_000);
          const { held, committed } = ledgerOf(CONFIG, node.state.rows.values());
          expect(fits(add(held, committed), CONFIG.capacity)).toBe(true);
          const ids = [...node.state.rows.values()].flatMap(({ gpuIds }) => gpuIds);
          expect(new Set(ids).size).toBe(ids.length);
        }
        node.wait(60_000);
        const left = [...node.state.rows.values()].filter(({ placement }) => placement?.alive !== true);
        expect(left).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what a node runs', () => {
  test('the fence is on disk before the Accept is answered and before anything is fetched', () => {
    const node = new TriedNode().reserve('r');
    node.hear(acceptOf(node, 'r'));
    const order = node.did.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));
    expect(order.filter((kind) => ['journal', 'accepted', 'fetch'].includes(kind))).toEqual([
      'journal',
      'accepted',
      'fetch',
    ]);
  });

  test('an Accept that comes again is answered from the table and starts nothing', () => {
    const node = new TriedNode().reserve('r');
    const accept = acceptOf(node, 'r');
    const placementId = node.hear(accept).heard('accepted')?.placementId;
    expect(node.hear(accept).heard('accepted')?.placementId).toBe(placementId);
    expect(node.effect('fetch')).toBeUndefined();
    expect(node.effect('journal')).toBeUndefined();
  });

  test.each([
    ['another start of the node', { bootSeq: 2 }],
    ['a nonce it did not send', { nonce: 'other' }],
  ])('an Accept bound to %s is denied, and the reservation stands', (_what, change) => {
    const node = new TriedNode().reserve('r');
    expect(node.hear(acceptOf(node, 'r', change)).heard('denied')?.code).toBe('LEASE_LOST');
    expect(node.hear(acceptOf(node, 'r')).heard('accepted')).toBeDefined();
  });

  test('an epoch that is not higher is denied', () => {
    const { node } = running();
    node.reserve('again', { epoch: 1 });
    expect(node.heard('denied')?.code).toBe('STALE_EPOCH');
  });

  test('a lease counts from when the nonce was sent, and the node stops half a second before its end', () => {
    const node = new TriedNode().reserve('r');
    node.nowMs += 5_000;
    const placementId = node.hear(acceptOf(node, 'r')).heard('accepted')?.placementId ?? '';
    expect(node.step({ kind: 'fetched', placementId }).effect('start')?.endMs).toBe(16_000);
    node.step({ kind: 'started', placementId, run: 1 });
    node.nowMs = 15_499;
    expect(node.step({ kind: 'tick' }).effect('stop')).toBeUndefined();
    node.nowMs = 15_500;
    expect(node.step({ kind: 'tick' }).effect('stop')).toMatchObject({ because: 'lease', graceMs: 500 });
  });

  test('a renewal extends the lease from when it was asked for; its copy extends nothing', () => {
    const { node, placementId } = running();
    node.wait(4_500);
    const nonce = node.heard('renew')?.nonce ?? '';
    node.nowMs += 2_000;
    const ok = { kind: 'renew-ok', placementId, nonce, leaseMs: 15_000 } as const;
    expect(node.hear(ok).effect('lease')?.endMs).toBe(1_000 + 4_500 + 15_000);
    node.nowMs += 5_000;
    expect(node.hear(ok).effect('lease')).toBeUndefined();
  });

  test('a node that was paused looks at its leases before it hears anything', () => {
    const { node, placementId } = running();
    node.wait(4_500);
    const nonce = node.heard('renew')?.nonce ?? '';
    node.nowMs += 60_000;
    node.hear({ kind: 'renew-ok', placementId, nonce, leaseMs: 300_000 });
    expect(node.effect('stop')?.because).toBe('lease');
    expect(node.effect('lease')).toBeUndefined();
  });

  test('room comes free when the process has ended, not when it is told to', () => {
    const { node, placementId } = running();
    node.hear({ kind: 'release', reservationId: 'r', deployment: 'd', slot: 0, term: 1, epoch: 1, graceMs: 1_000 });
    expect(node.heard('released')).toBeUndefined();
    expect(ledgerOf(CONFIG, node.state.rows.values()).committed).toEqual(SPEC.res);
    node.step({ kind: 'exited', placementId, run: 1, exit: { kind: 'signal', signal: 'SIGTERM' } });
    expect(node.heard('released')?.reason).toBe('released');
    expect(ledgerOf(CONFIG, node.state.rows.values()).free).toEqual(CONFIG.capacity);
  });

  test('what ends by itself is started again three times in ten minutes, later each time, then given up', () => {
    const { node, placementId } = running();
    for (const [run, backoffMs] of [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ] as const) {
      node.step({ kind: 'exited', placementId, run, exit: { kind: 'exit', code: 1 } });
      expect(node.wait(backoffMs - 1).effect('start')).toBeUndefined();
      expect(node.wait(1).effect('start')?.run).toBe(run + 1);
    }
    node.step({ kind: 'exited', placementId, run: 4, exit: { kind: 'exit', code: 1 } });
    expect(node.heard('released')).toMatchObject({ reason: 'crash-loop', detail: 'exit 1' });
  });

  test('a higher class makes room by the fewest that are willing, and is held when they have ended', () => {
    const low = { ...SPEC, priority: 'low' as const, preemptible: true, res: { ...SPEC.res, cpuMilli: 4_000 } };
    const node = new TriedNode().reserve('r', { spec: low });
    const accept = acceptOf(node, 'r', { specDigest: specDigest(low) });
    const placementId = node.hear(accept).heard('accepted')?.placementId ?? '';
    node.step({ kind: 'fetched', placementId }).step({ kind: 'started', placementId, run: 1 });
    const high = { ...SPEC, priority: 'high' as const };
    node.reserve('urgent', { spec: high, slot: 1 });
    expect(node.said.map(({ kind }) => kind)).toContain('preparing');
    expect(node.heard('notice')?.because).toBe('preempt');
    node.step({ kind: 'exited', placementId, run: 1, exit: { kind: 'signal', signal: 'SIGTERM' } });
    expect(node.heard('released')?.reason).toBe('preempted');
    expect(node.heard('reserved')?.reservationId).toBe('urgent');
  });

  test('a drain refuses what is new, gives notice, and stops the rest at its deadline', () => {
    const { node } = running();
    expect(node.step({ kind: 'drain', deadlineMs: 5_000 }).heard('notice')?.because).toBe('drain');
    expect(node.reserve('next', { slot: 1 }).heard('denied')?.code).toBe('DRAINING');
    expect(node.wait(5_000).effect('stop')?.because).toBe('drained');
  });

  test('the next tick is when something is due', () => {
    const node = new TriedNode();
    expect(nextOfNode(node.state)).toBeUndefined();
    expect(nextOfNode(node.reserve('r').state)).toBe(11_000);
  });
});
