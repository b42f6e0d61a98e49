import { expect, test } from 'vitest';
import { OnceBook } from '../../../src/routing/index.ts';

const begin = (book: OnceBook<string>, key: string, { agent = 'ann', by = '' } = {}) =>
  book.begin(agent, key, { by, digest: key, result: Promise.resolve(key) });
const done = (
  book: OnceBook<string>,
  key: string,
  { bytes = 0, nowMs = 0, ...of }: { agent?: string; by?: string; bytes?: number; nowMs?: number } = {},
) => begin(book, key, of)?.ended(bytes, nowMs);

test('a call is known while it is under way and for ten minutes more, to its own agent', () => {
  const book = new OnceBook<string>();
  const call = begin(book, 'k');
  expect(book.find('ann', 'k', 3_600_000)?.digest).toBe('k');
  expect(book.find('bob', 'k', 0)).toBeUndefined();
  call?.ended(1, 3_600_000);
  expect(book.find('ann', 'k', 4_199_999)?.digest).toBe('k');
  expect(book.find('ann', 'k', 4_200_000)).toBeUndefined();
  expect(book.size).toBe(0);
});

test('one agent’s calls drive out its own oldest and nobody else’s', () => {
  const book = new OnceBook<string>();
  done(book, 'k', { agent: 'bob' });
  begin(book, 'under way');
  for (let n = 0; n < 1_024; n += 1) done(book, `k${n}`);
  expect(book.find('ann', 'k0', 0)).toBeUndefined();
  for (const key of ['k1', 'under way']) expect(book.find('ann', key, 0)).toBeDefined();
  expect(book.find('bob', 'k', 0)).toBeDefined();
});

test('a call under way is not forgotten for any number of others: where they are all there is, no more are begun', () => {
  const dropped: string[] = [];
  const book = new OnceBook<string>((agent, key) => dropped.push(`${agent} ${key}`));
  const calls = Array.from({ length: 1_024 }, (_, n) => begin(book, `k${n}`));
  expect(begin(book, 'more')).toBeUndefined();
  for (let n = 0; n < 15_360; n += 1) expect(begin(book, 'k', { agent: `agent ${n}` })).toBeDefined();
  expect(begin(book, 'k', { agent: 'bob' })).toBeUndefined();
  expect(book.find('ann', 'k0', 3_600_000)).toBeDefined();
  expect(dropped).toEqual([]);
  calls[7]?.ended(1, 0);
  expect(begin(book, 'k', { agent: 'bob' })).toBeDefined();
  expect(dropped).toEqual(['ann k7']);
});

test('however many agents and however large their results, there is a bound to both', () => {
  const book = new OnceBook<string>();
  for (let n = 0; n < 20_000; n += 1) done(book, 'k', { agent: `agent ${n}` });
  expect(book.size).toBe(16_384);
  for (let n = 0; n < 100; n += 1) done(book, `large ${n}`, { agent: `b${n}`, bytes: 1024 * 1024 });
  expect(book.size).toBeLessThanOrEqual(64);
});

test('what never began is forgotten, and an older one of that name with it no more', () => {
  const book = new OnceBook<string>();
  const first = begin(book, 'k');
  begin(book, 'k');
  first?.forget();
  expect(book.find('ann', 'k', 0)).toBeDefined();
});

test('a peer that brings calls without end has its own forgotten, of whatever agents, and no other’s', () => {
  const book = new OnceBook<string>();
  for (let n = 0; n < 1_000; n += 1) {
    done(book, `mine ${n}`);
    done(book, `brought ${n}`, { by: 'honest' });
  }
  for (let n = 0; n < 20_000; n += 1) done(book, `k${n}`, { by: 'liar' });
  for (let n = 0; n < 20_000; n += 1) done(book, 'k', { by: 'liar', agent: `made up ${n}` });
  expect(book.size).toBe(16_384);
  for (const key of ['mine 0', 'mine 999', 'brought 0', 'brought 999']) expect(book.find('ann', key, 0)).toBeDefined();
  expect(book.find('ann', 'k19999', 0)).toBeUndefined();
  expect(book.find('made up 19999', 'k', 0)).toBeDefined();
});

test('large results that a peer brings drive out its own', () => {
  const book = new OnceBook<string>();
  done(book, 'mine', { bytes: 1024 * 1024 });
  for (let n = 0; n < 200; n += 1) done(book, `small ${n}`, { bytes: 1 });
  for (let n = 0; n < 100; n += 1) done(book, `large ${n}`, { by: 'liar', bytes: 1024 * 1024 });
  expect(book.find('ann', 'mine', 0)).toBeDefined();
  expect(book.find('ann', 'large 0', 0)).toBeUndefined();
  expect(book.find('ann', 'large 99', 0)).toBeDefined();
});

test('a call that is known is found by whichever peer it comes, and its key goes on to who begins it again', () => {
  const book = new OnceBook<string>();
  const first = begin(book, 'k', { by: 'one' });
  expect(book.find('ann', 'k', 0)).toBeDefined();
  expect(begin(book, 'k', { by: 'other' })?.ended(1, 0)).toBe(true);
  expect(first?.ended(1, 0)).toBe(false);
  expect(book.size).toBe(1);
  book.find('ann', 'k', 600_000);
  expect(book.size).toBe(0);
});
