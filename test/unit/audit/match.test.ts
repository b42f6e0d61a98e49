import { describe, expect, test } from 'vitest';
import { CallMatcher, type Compared, type Match, receiptOf } from '../../../src/audit/index.ts';

const hashOf = (node: string, seq: number): string => `${node}${String(seq).padStart(63, '0')}`;
const entry = (node: 'a' | 'b', seq: number, more: Partial<Compared> = {}): Compared => ({
  seq,
  atMs: seq * 1_000,
  kind: 'administration',
  callId: '',
  peer: '',
  argumentsHash: '',
  hash: hashOf(node, seq),
  ...more,
});
const call = (seq: number, there: number | undefined, id = 'c1'): Compared =>
  entry('a', seq, {
    ...{ kind: 'call', callId: id, peer: 'B', argumentsHash: 'x' },
    receipt: there === undefined ? undefined : receiptOf({ seq: there, hash: hashOf('b', there) }),
  });
const serve = (seq: number, id = 'c1'): Compared =>
  entry('b', seq, { kind: 'serve', callId: id, peer: 'A', argumentsHash: 'x' });

/** What A finds, whose log runs from 1 to 20 beside `ours`, in that of B, which runs from 1 to 20 beside `theirs`. */
function match(ours: Compared[], theirs: Compared[], more: { from?: number; to?: number } = {}): Match {
  const { from = 1, to = 20 } = more;
  const matcher = new CallMatcher({ self: 'A', other: 'B', skewMs: 0 });
  const filled = (node: 'a' | 'b', given: Compared[], first: number, last: number) =>
    Array.from(
      { length: 20 },
      (_, index) => given.find(({ seq }) => seq === index + 1) ?? entry(node, index + 1),
    ).filter(({ seq, kind }) => seq >= first && seq <= last && kind !== 'gap');
  for (const one of filled('b', theirs, from, to)) matcher.theirs(one);
  for (const one of filled('a', ours, 1, 20)) matcher.ours(one);
  return matcher.end();
}

describe('the logs of two nodes', () => {
  test('agree on a call that each has, with the receipt of the other', () => {
    expect(match([call(5, 7)], [serve(7)])).toEqual({
      matched: 1,
      unanswered: 0,
      uncovered: 0,
      more: 0,
      mismatches: [],
    });
  });

  test('agree also seen from the node that served', () => {
    const matcher = new CallMatcher({ self: 'B', other: 'A', skewMs: 0 });
    matcher.theirs(call(5, 7));
    matcher.ours(serve(7));
    expect(matcher.end()).toMatchObject({ matched: 1, mismatches: [] });
  });

  test('do not agree where the entry of a receipt is gone, or is another', () => {
    expect(match([call(5, 7)], [{ ...serve(7), kind: 'gap' }]).mismatches).toEqual([
      { kind: 'missing-there', seq: 5, theirSeq: 7 },
    ]);
    expect(match([call(5, 7)], [{ ...serve(7), hash: 'f'.repeat(64) }]).mismatches).toEqual([
      { kind: 'other-there', seq: 5, theirSeq: 7 },
    ]);
  });

  test('say so where the other one was ended by force just then, and only there', () => {
    const matcher = new CallMatcher({ self: 'A', other: 'B', skewMs: 50 });
    for (const seq of [1, 2, 3, 4, 5, 6]) matcher.theirs(entry('b', seq));
    matcher.theirs(entry('b', 7, { kind: 'gap', atMs: 60_000 }));
    for (const seq of [8, 9, 10]) matcher.theirs(entry('b', seq, { atMs: 60_000 + seq }));
    const lost = (seq: number) => receiptOf({ seq, hash: 'f'.repeat(64) });
    matcher.ours({ ...call(11, 7), receipt: lost(7), atMs: 6_020 });
    matcher.ours({ ...call(12, 8), receipt: lost(8), atMs: 6_030 });
    matcher.ours({ ...call(13, 8), receipt: lost(8), atMs: 30_000 });
    matcher.ours({ ...call(14, 5), receipt: lost(5), atMs: 6_020 });
    matcher.ours({ ...call(15, 8), receipt: lost(5_000), atMs: 6_020 });
    expect(matcher.end().mismatches.map(({ kind }) => kind)).toEqual([
      ...['lost-there', 'lost-there', 'other-there', 'other-there', 'missing-there'],
    ]);
  });

  test('do not agree on a call that only the node that served has', () => {
    expect(match([], [serve(7)]).mismatches).toEqual([{ kind: 'missing-here', theirSeq: 7 }]);
  });

  test('do not agree where they were asked different things', () => {
    expect(match([call(5, 7)], [{ ...serve(7), argumentsHash: 'y' }]).mismatches).toEqual([
      { kind: 'differs', seq: 5, theirSeq: 7, field: 'argumentsHash' },
    ]);
  });

  test('need not agree on a call that was never answered, or that went elsewhere in the end', () => {
    expect(match([call(5, undefined)], [])).toMatchObject({ unanswered: 1, mismatches: [] });
    expect(match([{ ...call(5, undefined), peer: 'C' }], [serve(7)])).toMatchObject({ matched: 1, mismatches: [] });
  });

  test('are not held against each other where one of them does not cover the time', () => {
    expect(match([call(18, 17)], [serve(17)], { to: 10 })).toMatchObject({ uncovered: 1, mismatches: [] });
    expect(match([call(3, 2)], [serve(2)], { from: 6 })).toMatchObject({ uncovered: 1, mismatches: [] });
  });
});
