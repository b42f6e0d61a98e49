import { expect, test } from 'vitest';
import { ownView } from '../../../node/fog/views.ts';
import { whyIs } from '../../../node/fog/why.ts';
import {
  LIMITS,
  type OwnerEvent,
  type OwnerState,
  type ShardSpec,
  startOwner,
  stepOwner,
  VOTE_POLICY,
} from '../../../src/fog/index.ts';
import { adFrom, SPEC, TriedNode } from '../fog/fixtures.ts';

const WANTED = { deployment: 'd', agent: 'magi', slots: 1, allowFallback: false, gang: false, spread: false };

/** What is said of slot 0 of `d` after these events, each so many milliseconds after the start. */
function said(events: readonly (readonly [number, OwnerEvent])[]): string {
  const config = { node: 'owner', votePolicy: VOTE_POLICY, limits: LIMITS };
  const boot = { instance: 'b'.repeat(32), dice: 7, nowMs: 0, deployments: [], slots: [] };
  let state: OwnerState = startOwner(config, boot).state;
  let last = 0;
  for (const [nowMs, event] of events) {
    state = stepOwner(state, { ...event, nowMs }).state;
    last = nowMs;
  }
  const deployment = state.deployments.get('d');
  if (deployment === undefined) throw new Error('nothing was deployed');
  const view = ownView(state, deployment, 'p1');
  const [shard] = view.shards;
  if (shard === undefined) throw new Error('it has no slot');
  return whyIs(shard, view, { owner: state, nowMs: last, known: state.ads.size });
}

const deploy = (change: Partial<ShardSpec> = {}): readonly [number, OwnerEvent] => [
  0,
  { kind: 'deploy', wanted: { ...WANTED, spec: { ...SPEC, ...change }, publisherKnown: true } },
];
const heard: readonly [number, OwnerEvent] = [0, { kind: 'ad', ad: adFrom(new TriedNode({ node: 'n1' }).state) }];

test('who waits for a vote is told what for, and of which proposal', () => {
  expect(said([heard, deploy({ res: { ...SPEC.res, cpuMilli: 9_000 } })])).toBe(
    'd is awaiting vote, epoch 0: the village is asked, because with all that had no vote it makes more than 8000 milli-cores (proposal p1)',
  );
});

test('what has no place says what stands against each node, in amounts that people use', () => {
  expect(said([heard, deploy({ res: { ...SPEC.res, memMib: 8_192 + 1_229 } })])).toBe(
    'd is blocked, epoch 0: 1 node: 1 memory short by 1.2 GiB (1 known)',
  );
});

test('of whom nothing is heard it is said for how long, and when another copy may begin', () => {
  const target = [
    0,
    { kind: 'deploy', wanted: { ...WANTED, target: 'n1', spec: SPEC, publisherKnown: true } },
  ] as const;
  const reservationId = `${'b'.repeat(32)}.1`;
  const reserved = {
    kind: 'reserved',
    reservationId,
    expiresInMs: 10_000,
    gpuIds: [] as string[],
    bootSeq: 3,
    nonce: 'n',
  } as const;
  const from = 'n1';
  const accepted = { kind: 'accepted', reservationId, placementId: 'p', state: 'running', rev: 1 } as const;
  const told = said([
    heard,
    target,
    [100, { kind: 'message', from, message: reserved }],
    [200, { kind: 'message', from, message: accepted }],
    [9_200, { kind: 'tick' }],
  ]);
  expect(told).toMatch(/^d is unknown on n1, epoch 1: its node has been silent for 9 s and may still run it/);
  expect(told).toMatch(/no other copy begins before its lease is surely over, in 7 s$/);
});
