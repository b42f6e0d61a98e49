import { describe, expect, test } from 'vitest';
import { type Choice, Ledger, referenceTally, type Statement } from '../../../src/governance/index.ts';
import { council, pens, set, VOTERS } from '../../support/voters.ts';

const TYPES = ['minor_change', 'major_change', 'critical_change'] as const;
const REQUIRED = { minor_change: 1, major_change: 2, critical_change: 3 };

function* orders<T>(items: readonly T[]): Iterable<readonly T[]> {
  if (items.length <= 1) yield items;
  for (const [at, item] of items.entries()) {
    for (const rest of orders([...items.slice(0, at), ...items.slice(at + 1)])) yield [item, ...rest];
  }
}

/** One node is told everything in this order. */
function told(statements: readonly Statement[]): { readonly outcome: string; readonly root: string } {
  const ledger = new Ledger(council);
  for (const statement of statements) ledger.add(statement);
  const [id = ''] = ledger.proposals().map((one) => one.id);
  return { outcome: ledger.proposal(id)?.outcome ?? 'unknown', root: ledger.policy().root };
}

/** Two voters change their minds on the way to their commits; the third does not vote. */
function script(
  type: (typeof TYPES)[number],
  commits: readonly [Choice, Choice],
): { statements: Statement[]; id: string; kids: string[] } {
  const { sage, curator, king } = pens();
  const proposal = sage.propose(type, [set('display.village_name', 'other')]);
  const { id } = proposal;
  const statements = [
    proposal,
    sage.vote(id, 'approve'),
    curator.vote(id, 'approve'),
    curator.vote(id, 'reject'),
    sage.commit(id, commits[0]),
    curator.commit(id, commits[1]),
  ];
  return { statements, id, kids: [sage.kid, curator.kid, king.kid] };
}

describe('three voters and two minds that change', () => {
  const choices: readonly Choice[] = ['approve', 'reject', 'abstain'];
  const cases = TYPES.flatMap((type) => choices.flatMap((one) => choices.map((other) => ({ type, one, other }))));

  test.each(cases)('$type with commits $one and $other ends the same in all 720 orders', ({ type, one, other }) => {
    const { statements, id, kids } = script(type, [one, other]);
    const expected = referenceTally(statements, { question: id, ep: 0, kids, required: REQUIRED[type] });
    const seen = new Set<string>();
    for (const order of orders(statements)) {
      const { outcome, root } = told(order);
      seen.add(`${outcome} ${root}`);
    }
    expect([...seen].map((one) => one.split(' ')[0])).toEqual([expected]);
  });

  test('votes alone decide nothing, in whatever order', () => {
    const pen = pens();
    const proposal = pen.sage.propose('major_change', [set('display.village_name', 'other')]);
    const votes = VOTERS.map((voter) => pen[voter].vote(proposal.id, 'approve'));
    for (const order of orders([proposal, ...votes])) expect(told(order).outcome).toBe('open');
  });

  test('one who signs two ways is named, and all still end the same', () => {
    const { sage, curator, king } = pens();
    const proposal = sage.propose('major_change', [set('display.village_name', 'other')]);
    const yes = curator.commit(proposal.id, 'approve');
    const no = curator.commit(proposal.id, 'reject');
    const statements = [proposal, sage.commit(proposal.id, 'approve'), yes, no, king.commit(proposal.id, 'reject')];
    const seen = new Set<string>();
    for (const order of orders(statements)) {
      const ledger = new Ledger(council);
      const effects = order.flatMap((one) => {
        const result = ledger.add(one);
        return result.kind === 'accepted' ? result.effects : [];
      });
      expect(effects.filter((one) => one.kind === 'evidence' && one.evidence.about === 'register').length).toBe(1);
      expect(ledger.evidence().filter(({ about }) => about === 'register')).toMatchObject([{ voter: 'curator' }]);
      seen.add(`${ledger.proposal(proposal.id)?.outcome} ${ledger.policy().root}`);
    }
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/^approved /);
  });
});
