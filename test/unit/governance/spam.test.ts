import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Ledger,
  type Payload,
  type Statement,
  type StatementKind,
  type Switches,
} from '../../../src/governance/index.ts';
import { BORN_MS, council, DAY_MS, NET, pens, set } from '../../support/voters.ts';

const { king } = pens();
const unknown = (number: number): string => number.toString(16).padStart(64, '0');
const spam = (seq: number, kind: string, body: object, ts = BORN_MS) =>
  king.sign({ v: 1, net: NET, ep: 0, voter: 'king', seq, prev: null, ts, kind, body } as unknown as Payload);

test.each([
  ['commits', (of: string) => ['commit', { proposal: of, value: 'approve' }]],
  ['overrides', (of: string) => ['override', { proposal: of, action: 'approve', justification: 'x'.repeat(20) }]],
  ['fences', (of: string) => ['fence', { change: of, heads: [], without: null }]],
] as const)('%s about nothing, all under one number, are kept up to a bound', (_, make) => {
  const ledger = new Ledger(council);
  for (let count = 0; count < 600; count += 1) {
    const [kind, body] = make(unknown(count));
    ledger.add(spam(1, kind as string, body as object), { nowMs: BORN_MS });
  }
  expect(ledger.size).toBeLessThan(300);
});

test('a clock of another century does not make a log longer than ours allows', () => {
  const ledger = new Ledger(council);
  const far = spam(1_000_000, 'commit', { proposal: unknown(1), value: 'approve' }, BORN_MS + 40_000 * DAY_MS);
  expect(ledger.add(far, { nowMs: BORN_MS })).toMatchObject({ kind: 'parked' });
  const early = spam(1, 'commit', { proposal: unknown(1), value: 'approve' }, BORN_MS + 40_000 * DAY_MS);
  expect(ledger.add(early, { nowMs: BORN_MS })).toMatchObject({ kind: 'accepted' });
});

describe('a key that signs hundreds of things under the same numbers', () => {
  const voters = pens();
  const why = 'because of this and of that';
  const honest = [
    voters.sage.propose('major_change', [set('fog.vote_above', 4)]),
    voters.curator.write('home', { node: 'home of curator' }),
  ];
  const said: Statement[] = [];
  /** Everything under ten numbers of the king's log. */
  const write = (kind: StatementKind, body: object, number: number): Statement => {
    const ts = BORN_MS + 100_000 * (number + 1);
    const payload = { v: 1, net: NET, ep: 0, voter: 'king', seq: 1 + (number % 10), prev: null, ts, kind, body };
    const statement = king.sign(payload as unknown as Payload);
    said.push(statement);
    return statement;
  };
  const notes: Statement[] = [];
  for (let number = 0; number < 120; number += 1) {
    const action = set('display.village_name', `name ${number}`);
    const deadline = BORN_MS + 100_000 * (number + 1) + DAY_MS;
    const note = { type: 'minor_change', title: 'a note', description: '', actions: [action], deadline };
    notes.push(write('proposal', note, number));
    write('commit', { proposal: notes.at(-1)?.id, value: 'approve' }, number);
    write('hold', { target: { kind: 'agent', id: `agent${number}` }, justification: why }, number);
    write('home', { node: `home ${number}` }, number);
    write('override', { proposal: honest[0]?.id, action: 'suppress', justification: why }, number);
  }
  // The others built on one of its notes before they knew.
  const plan = voters.sage.propose('major_change', [set('display.village_name', 'ours', notes[50]?.id)]);
  const agreed = [voters.sage, voters.curator].map((pen) => pen.commit(plan.id, 'approve'));
  const all = [...honest, ...said, plan, ...agreed];

  /** What a node makes of it that is told in this order, and told again what it did not keep. */
  function told(order: readonly Statement[], off?: Switches): { readonly spelled: string; readonly ledger: Ledger } {
    const ledger = new Ledger(council, { off });
    let waiting = order;
    for (let before = -1; before !== ledger.size; ) {
      before = ledger.size;
      waiting = waiting.filter((one) => ledger.add(one, { nowMs: BORN_MS }).kind === 'parked');
    }
    const { root, standing } = ledger.policy();
    return { ledger, spelled: JSON.stringify([root, [...standing].sort(), [...ledger.homes()].sort()]) };
  }
  const orders = fc.shuffledSubarray(all, { minLength: all.length });

  test('is bounded, and what it did alone counts nowhere: every order ends the same', () => {
    const { spelled, ledger } = told(all);
    expect(ledger.size).toBeLessThan(520);
    expect([...ledger.homes()]).toEqual(['home of curator']);
    expect(ledger.policy().held.agent.size).toBe(0);
    fc.assert(
      fc.property(orders, (order) => {
        expect(told(order).spelled).toBe(spelled);
      }),
      { seed: 7, numRuns: 25 },
    );
  });

  test('does not take away what others built on', () => {
    const { ledger } = told(all);
    expect(ledger.policy().entries.get('display.village_name')?.value).toBe('ours');
    expect(
      ledger
        .proposals()
        .filter(({ standing }) => standing === 'in-force')
        .map(({ id }) => id),
    ).toEqual(expect.arrayContaining([plan.id, notes[50]?.id]));
  });

  test('would divide the village if its word were heard', () => {
    const off: Switches = new Set(['crowded-is-unheard']);
    const seen = new Set(fc.sample(orders, { seed: 7, numRuns: 6 }).map((order) => told(order, off).spelled));
    expect(seen.size).toBeGreaterThan(1);
  });
});

test('large statements of one key are kept up to a bound of bytes, and the rest waits', () => {
  const ledger = new Ledger(council);
  const body = (seq: number) => ({
    type: 'major_change',
    title: 'large',
    description: 'x'.repeat(16_000),
    actions: [set('fog.vote_above', seq)],
    impact: { notes: 'y'.repeat(28_000) },
    deadline: BORN_MS + DAY_MS,
  });
  const answers = Array.from({ length: 800 }, (_, index) =>
    ledger.add(spam(index + 1, 'proposal', body(index)), { nowMs: BORN_MS }),
  );
  const bytes = Array.from(ledger.since(king.kid, { after: 0, limit: 10_000 }), ({ token }) => token.length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(42 * 1024 * 1024);
  expect(answers.at(-1)).toMatchObject({ kind: 'parked', because: 'crowded' });
  const later = spam(800, 'proposal', body(799));
  expect(ledger.add(later, { nowMs: BORN_MS + 30 * DAY_MS })).toMatchObject({ kind: 'accepted' });
});
