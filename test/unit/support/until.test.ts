import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';

test('until answers as soon as the predicate does, with its answer', async () => {
  let asked = 0;
  expect(await until(() => (++asked === 3 ? 'there' : undefined), { intervalMs: 1 })).toBe('there');
  expect(asked).toBe(3);
});

test('until gives up at its deadline and says what it waited for and what it saw', async () => {
  await expect(until(() => 0, { timeoutMs: 5, intervalMs: 1, what: 'three peers' })).rejects.toThrow(
    'waited 5 ms in vain for: three peers\nits last answer was 0',
  );
});

test('until takes a predicate that throws as one that is not yet true, and tells its last error', async () => {
  const cause = new Error('refused');
  const failing = until(() => Promise.reject(cause), { timeoutMs: 5, intervalMs: 1, what: 'a port' });
  await expect(failing).rejects.toMatchObject({ message: expect.stringContaining('it threw: Error: refused'), cause });
});

test('until does not wait for a predicate that never answers', async () => {
  await expect(until(() => new Promise<boolean>(() => undefined), { timeoutMs: 5 })).rejects.toThrow(
    'did not answer in time',
  );
});
