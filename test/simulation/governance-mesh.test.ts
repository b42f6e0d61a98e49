import { afterEach, expect, test } from 'vitest';
import { announcementOf, answerGovernance, GOVERNANCE } from '../../protocols/governance/index.ts';
import { kid } from '../support/council.ts';
import { statementBy } from '../support/governance-network.ts';
import {
  allow,
  approve,
  forbid,
  type GoverningNode,
  GoverningNodes,
  link,
  proposeDays,
  villageId,
} from '../support/governing-nodes.ts';
import { until } from '../support/until.ts';

const KEY = 'knowledge.retention_days';
let nodes = new GoverningNodes();
afterEach(async () => {
  await nodes.stop();
  nodes = new GoverningNodes();
});

test('a village that is cut in two decides where two voters are, and agrees when it is whole again', async () => {
  const left = [await nodes.start(31, ['sage']), await nodes.start(32, ['curator'])] as const;
  const right = [await nodes.start(33, ['king']), await nodes.start(34, [])] as const;
  const all = [...left, ...right];
  for (const one of all) for (const other of all) if (one !== other) allow(one, other);
  const [a, b, c, d] = all as [GoverningNode, GoverningNode, GoverningNode, GoverningNode];
  await link(a, b);
  await link(b, c);
  await link(c, d);
  await link(a, d);
  await until(() => all.every(({ host }) => host.admitted().size >= 2));

  for (const one of left) for (const other of right) forbid(one, other);
  await until(() => all.every(({ host }) => host.admitted().size === 1));
  const id = await proposeDays(a, 90);
  await approve(b, 'curator', id);
  await until(() => left.every(({ days }) => days() === 90));
  expect(right.map(({ days }) => days())).toEqual([30, 30]);

  for (const one of left) for (const other of right) allow(one, other);
  await link(b, c);
  await until(() => all.every(({ days }) => days() === 90), { timeoutMs: 5_000 });
  await until(() => d.governance.policies({ key: KEY })[0]?.applied_by.length === 4);
  expect(c.governance.proposal(id)).toMatchObject({ status: 'approved', votes_for: 2 });
}, 30_000);

test('whoever comes after gossip has forgotten everything has the policy from one node that wrote nothing', async () => {
  const [heartbeatMs, seenMs] = [100, 1_000];
  nodes = new GoverningNodes({ gossipHeartbeatMs: heartbeatMs, gossipSeenMs: seenMs });
  const [a, b, relay] = [
    await nodes.start(31, ['sage']),
    await nodes.start(32, ['curator']),
    await nodes.start(33, []),
  ] as const;
  for (const one of [a, b]) {
    allow(one, relay);
    await link(one, relay);
  }
  const id = await proposeDays(a, 90);
  await until(() => b.governance.proposal(id) !== undefined);
  await approve(b, 'curator', id);
  await until(() => relay.days() === 90);
  const decidedAt = performance.now();
  for (const one of [a, b]) forbid(one, relay);
  await until(() => relay.host.admitted().size === 0);
  // Twelve heartbeats of history, and what was seen: three times as long, and nothing of it is left.
  const forgottenAt = decidedAt + 3 * Math.max(12 * heartbeatMs, seenMs);
  await until(() => performance.now() > forgottenAt, { timeoutMs: 10_000 });

  const late = await nodes.start(35, []);
  allow(late, relay);
  const began = performance.now();
  await link(late, relay);
  await until(() => late.days() === 90, { timeoutMs: 5_000, intervalMs: 10 });
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(late.governance.certificate(id)).toBeDefined();
}, 30_000);

test('a member that lies changes nothing, is counted, and does no harm to who carries its words', async () => {
  const [a, b, c] = [await nodes.start(31, ['sage']), await nodes.start(32, ['curator']), await nodes.start(33, [])];
  allow(a, b);
  allow(b, c);
  const liar = nodes.host(40);
  liar.host.subscribe(GOVERNANCE.name, () => true);
  const brought: string[] = [];
  liar.host.handle(GOVERNANCE, (stream) =>
    answerGovernance(stream, liarsShelf(brought), { signal: AbortSignal.timeout(5_000) }),
  );
  await liar.host.start();
  allow(liar, b);
  await link(a, b);
  await link(b, c);
  await link(liar, b);
  const id = await proposeDays(a, 90);
  await until(() => c.governance.proposal(id)?.votes_for === 1);

  let seq = 100;
  const commit = (body: object, changes: object = {}) => {
    seq += 1;
    const envelope = { v: 1, net: villageId, ep: 0, kind: 'commit', voter: 'king', seq, prev: null, ts: Date.now() };
    return statementBy('king', kid('king'), { ...envelope, body, ...changes });
  };
  const approval = { proposal: id, value: 'approve' };
  const honest = commit({ proposal: 'e'.repeat(64), value: 'reject' });
  const forged = `${commit(approval).split('.').slice(0, 2).join('.')}.${honest.split('.')[2]}`;
  const foreign = commit(approval, { net: 'f'.repeat(64) });
  const respelled = `${commit(approval)}==`;
  const others = commit(approval, { voter: 'sage' });
  const unknown = commit({ ...approval, more: true });
  const say = (statement: string) =>
    liar.host.publish(GOVERNANCE.name, announcementOf({ kind: 'statement', statement }));
  await until(async () => {
    await say(forged);
    return b.reports.of('governance.refused').length > 0;
  });
  for (const statement of [foreign, respelled, others, unknown]) await say(statement);
  await liar.host.publish(GOVERNANCE.name, Buffer.alloc(70 * 1024, 'x'));
  await liar.host.publish(GOVERNANCE.name, Buffer.from('{"v":1,"v":1}'));
  await until(() => b.reports.of('gossip.refused').length >= 7);
  const reasons = new Set(b.reports.of('governance.refused').map(({ reason }) => reason));
  expect(reasons).toEqual(new Set(['bad-signature', 'foreign-village', 'malformed', 'not-a-voter']));
  // What is refused goes no further, and its carrier is not blamed.
  expect(a.reports.of('governance.refused')).toEqual([]);
  expect(b.governance.proposal(id)).toMatchObject({ votes_for: 1, status: 'voting_ongoing' });

  // Out of order, and again and again: kept once, for what it is.
  for (let times = 0; times < 5; times += 1) await say(honest);
  await until(() => c.governance.rules().voters['king']?.next['seq'] === 102);
  // Each good by itself, and both a contradiction: neither decides, and the proof goes everywhere.
  for (const choice of ['approve', 'reject']) {
    await say(commit({ proposal: 'd'.repeat(64), value: choice }));
  }
  await until(() => [a, b, c].every(({ reports }) => reports.of('governance.equivocation').length > 0));
  expect([a, b, c].map(({ days }) => days())).toEqual([30, 30, 30]);

  // By pulling it does no better: who asks it is told lies, stops asking, and names it.
  brought.push(...Array.from({ length: 40 }, () => `${commit(approval).slice(0, -8)}AAAAAAAA`));
  await until(() => b.reports.of('peer.misbehaved').some(({ peer }) => peer === liar.host.nodeId), {
    timeoutMs: 10_000,
  });
  expect(b.reports.of('peer.misbehaved').every(({ peer }) => peer === liar.host.nodeId)).toBe(true);

  await approve(b, 'curator', id);
  await until(() => [a, b, c].every(({ days }) => days() === 90));
  expect(b.host.admitted().has(a.host.nodeId) && b.host.admitted().has(c.host.nodeId)).toBe(true);
}, 40_000);

/** Answers every ask with whatever it likes. */
function liarsShelf(brought: readonly string[]): Parameters<typeof answerGovernance>[1] {
  const logs = () =>
    new Map([
      [
        'z'.repeat(43),
        brought.map((jws, index) => ({ seq: index + 1, id: index.toString(16).padStart(64, '0'), jws })),
      ],
    ]);
  return {
    logs,
    receipts: () => [],
    receiptsDigest: () => '0'.repeat(32),
    sponsor: async () => ({ v: 1, refused: 'no-voter' }),
  };
}
