import { expect, test } from 'vitest';
import { Ledger, type Payload } from '../../../src/governance/index.ts';
import { BORN_MS, council, DAY_MS, NET, pens } from '../../support/voters.ts';

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
