import { expect, test } from 'vitest';
import { OnceBook } from '../../../src/routing/index.ts';

const begin = (book: OnceBook<string>, key: string, { agent = 'ann', nowMs = 0 } = {}) =>
  book.begin(agent, key, { digest: key, result: Promise.resolve(key), nowMs });

test('a call is known for ten minutes, to its own agent', () => {
  const book = new OnceBook<string>();
  begin(book, 'k');
  expect(book.find('ann', 'k', 599_999)?.digest).toBe('k');
  expect(book.find('bob', 'k', 0)).toBeUndefined();
  expect(book.find('ann', 'k', 600_000)).toBeUndefined();
  expect(book.size).toBe(0);
});

test('one agent’s calls drive out its own oldest and nobody else’s', () => {
  const book = new OnceBook<string>();
  begin(book, 'k', { agent: 'bob' });
  for (let n = 0; n < 1_025; n += 1) begin(book, `k${n}`);
  expect(book.find('ann', 'k0', 0)).toBeUndefined();
  expect(book.find('ann', 'k1', 0)).toBeDefined();
  expect(book.find('bob', 'k', 0)).toBeDefined();
});

test('however many agents and however large their results, there is a bound to both', () => {
  const book = new OnceBook<string>();
  for (let n = 0; n < 20_000; n += 1) begin(book, 'k', { agent: `agent ${n}` });
  expect(book.size).toBe(16_384);
  for (let n = 0; n < 100; n += 1) begin(book, `large ${n}`, { agent: `b${n}` }).ended(1024 * 1024);
  expect(book.size).toBeLessThanOrEqual(64);
});

test('what never began is forgotten, and an older one of that name with it no more', () => {
  const book = new OnceBook<string>();
  const first = begin(book, 'k');
  begin(book, 'k');
  first.forget();
  expect(book.find('ann', 'k', 0)).toBeDefined();
});
