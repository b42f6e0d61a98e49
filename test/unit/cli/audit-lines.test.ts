import { expect, test } from 'vitest';
import { witnessLines } from '../../../node/cli/verbs/audit-lines.ts';

test('each witness is named with as much of the log as it has seen, and no more', () => {
  const witnessed = { to: 7, by: ['B', 'C', 'D'], seen_to: { B: 4, C: 7, D: 4 }, entries_since: 0, alone: false };
  const verdict = { ok: true, checked: 7, accepted: [], witnessed };
  expect(witnessLines(verdict)).toEqual([
    'up to entry 7 countersigned by C',
    'up to entry 4 countersigned by B, D',
    'no entry that nobody else has seen',
  ]);
});
