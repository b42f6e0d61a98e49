import { expect, test } from 'vitest';
import { type Action, Ledger, type Rule, type Statement } from '../../../src/governance/index.ts';
import { council, feed, Pen, pens, set } from '../../support/voters.ts';

/** Curator's and king's keys are replaced by consent of all; the fences are signed and nobody was told of them. */
function rotation() {
  const told = new Ledger(council);
  const { sage, curator, king } = pens();
  const keys = [new Pen('curator', 72), new Pen('king', 73)];
  const voters = { ...council.voters, ...Object.fromEntries(keys.map(({ voter, key }) => [voter, key])) };
  const action: Action = { op: 'amend', base: 'genesis', changes: { voters }, proofs: keys.map((pen) => pen.proof(0)) };
  const plan = sage.propose('critical_change', [action]);
  const prefix = [plan, ...[sage, curator, king].map((pen) => pen.commit(plan.id, 'approve'))];
  feed(told, ...prefix);
  const fence = (by: Pen, change: string, heads: readonly string[]): Statement =>
    by.write('fence', { change, heads: [...heads], without: null });
  const fences = [curator, king, sage].map((pen) => {
    const signed = fence(pen, plan.id, told.tips());
    feed(told, signed);
    return signed;
  });
  return { told, plan, prefix, fences, fence, sage, curator, king };
}

function* orders<T>(items: readonly T[]): Iterable<readonly T[]> {
  if (items.length <= 1) yield items;
  for (const [at, item] of items.entries()) {
    for (const rest of orders([...items.slice(0, at), ...items.slice(at + 1)])) yield [item, ...rest];
  }
}

/** Every way to put two sequences into one, each in its own order. */
function* merges<T>(one: readonly T[], other: readonly T[]): Iterable<readonly T[]> {
  if (one.length === 0 || other.length === 0) return yield [...one, ...other];
  for (const rest of merges(one.slice(1), other)) yield [one[0] as T, ...rest];
  for (const rest of merges(one, other.slice(1))) yield [other[0] as T, ...rest];
}

function ends(ways: Iterable<readonly Statement[]>, show: (ledger: Ledger) => unknown, ...off: Rule[]): string[] {
  const seen = new Set<string>();
  for (const way of ways) {
    const ledger = new Ledger(council, { off: new Set(off) });
    for (const statement of way) ledger.add(statement);
    seen.add(JSON.stringify(show(ledger)));
  }
  return [...seen];
}

test('a second fence lets nothing in, in all 720 orders of what is signed around it', () => {
  const { told, plan, prefix, fences, fence, sage, curator } = rotation();
  const late = curator.propose('minor_change', [set('display.village_name', 'taken')]);
  const commit = curator.commit(late.id, 'approve');
  feed(told, late, commit);
  const again = fence(sage, plan.id, told.tips());
  const ways = function* () {
    for (const order of orders([...fences, late, commit, again])) yield [...prefix, ...order];
  };
  const show = (ledger: Ledger) => [ledger.epoch().base === plan.id, ledger.outcome(late.id), ledger.policy().root];
  const seen = ends(ways(), show);
  expect(seen).toHaveLength(1);
  expect(JSON.parse(seen[0] ?? '')).toEqual([true, 'dropped', expect.any(String)]);
  expect(ends(ways(), show, 'one-fence').join()).toContain('approved');
});

test('keys that were replaced end no epoch otherwise, however what they sign is mixed with what ended it', () => {
  const { told, plan, prefix, fences, fence, curator, king } = rotation();
  const key = new Pen('sage', 99);
  const recovery = (intent: string | null): Action => {
    return { op: 'recover', base: 'genesis', voter: 'sage', key: key.key, proof: key.proof(0), intent };
  };
  const intent = curator.propose('critical_change', [recovery(null)]);
  const agreed = [curator, king].map((pen) => pen.commit(intent.id, 'approve'));
  const final = king.propose('critical_change', [recovery(intent.id)]);
  const again = [curator, king].map((pen) => pen.commit(final.id, 'approve'));
  const thefts = [intent, ...agreed, final, ...again, ...[curator, king].map((pen) => fence(pen, final.id, []))];
  expect(told.epoch().base).toBe(plan.id);
  const ways = function* () {
    for (const way of merges(fences, thefts)) yield [...prefix, ...way];
  };
  const show = (ledger: Ledger) => [ledger.epochs()[0]?.end?.change === plan.id, ledger.policy().root];
  const seen = ends(ways(), show);
  expect(seen).toHaveLength(1);
  expect(JSON.parse(seen[0] ?? '')).toEqual([true, expect.any(String)]);
  expect(ends(ways(), show, 'cut-off').join()).toContain('[false');
});
