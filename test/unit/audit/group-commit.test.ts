import { describe, expect, test, vi } from 'vitest';
import { GroupCommit } from '../../../node/audit/group-commit.ts';
import { until } from '../../support/until.ts';

interface Write {
  readonly keys: readonly string[];
  readonly done: PromiseWithResolvers<void>;
}

/** A disk that answers when it is told to. */
function slowDisk(changes: { readonly lazyMs?: number; readonly onHeldUp?: () => void } = {}) {
  const writes: Write[] = [];
  const queue: string[] = [];
  const commit = new GroupCommit<readonly string[]>({
    take: () => (queue.length === 0 ? undefined : queue.splice(0)),
    write(keys): Promise<void> {
      const done = Promise.withResolvers<void>();
      writes.push({ keys, done });
      return done.promise;
    },
    onHeldUp: changes.onHeldUp,
    lazyMs: changes.lazyMs ?? 1,
    deadlineMs: 5_000,
    retryMs: 1,
    maxRetryMs: 1,
    onFlushed: () => undefined,
    onFailed: () => undefined,
  });
  const add = (key: string): void => {
    queue.push(key);
    commit.added();
  };
  const write = (index: number): Promise<Write> => until(() => writes[index], { intervalMs: 1 });
  return { add, commit, write, writes };
}

/** Whether `promise` has settled, without waiting for it. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('group commit', () => {
  test('promises what is being written only once it is written', async () => {
    const { add, commit, write } = slowDisk();
    add('a');
    const { done } = await write(0);
    const durable = commit.durable();
    expect(await settled(durable)).toBe(false);
    done.resolve();
    await durable;
    expect(commit.pending).toBe(0);
  });

  test('promises what came during a batch only with the next one', async () => {
    const { add, commit, write } = slowDisk();
    add('a');
    const first = await write(0);
    add('b');
    const durable = commit.durable();
    first.done.resolve();
    const second = await write(1);
    expect(second.keys).toEqual(['b']);
    expect(await settled(durable)).toBe(false);
    second.done.resolve();
    await durable;
  });

  test('counts the time that a change may stay in memory from when it came, not from when the disk was done with others', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { add, writes } = slowDisk({ lazyMs: 10 });
      add('a');
      vi.advanceTimersByTime(10);
      add('b');
      vi.advanceTimersByTime(9);
      writes[0]?.done.resolve();
      await settled(Promise.resolve());
      expect(writes.map(({ keys }) => keys)).toEqual([['a']]);
      vi.advanceTimersByTime(1);
      expect(writes[1]?.keys).toEqual(['b']);
      add('c');
      vi.advanceTimersByTime(10);
      add('d');
      writes[1]?.done.resolve();
      await settled(Promise.resolve());
      expect(writes[2]?.keys).toEqual(['c', 'd']);
      writes[2]?.done.resolve();
      await settled(Promise.resolve());
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('says each time that something has waited long enough and the disk is not free', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let heldUp = 0;
      const { add } = slowDisk({ lazyMs: 10, onHeldUp: () => (heldUp += 1) });
      add('a');
      vi.advanceTimersByTime(10);
      add('b');
      vi.advanceTimersByTime(9);
      expect(heldUp).toBe(0);
      vi.advanceTimersByTime(1);
      expect(heldUp).toBe(1);
      vi.advanceTimersByTime(100);
      expect(heldUp).toBe(1);
      add('c');
      vi.advanceTimersByTime(10);
      expect(heldUp).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test('tells those who wait for the next batch too that the disk fails, and writes what it refused first', async () => {
    const { add, commit, write } = slowDisk();
    add('a');
    const first = await write(0);
    add('b');
    const durable = commit.durable();
    first.done.reject(new Error('no space'));
    await expect(durable).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    const again = await write(1);
    expect(again.keys).toEqual(['a']);
    again.done.resolve();
    const second = await write(2);
    expect(second.keys).toEqual(['b']);
    second.done.resolve();
    await commit.close();
  });

  test('writes what is left when it closes, and waits for it', async () => {
    const { add, commit, write } = slowDisk({ lazyMs: 60_000 });
    add('a');
    const closing = commit.close();
    const { done } = await write(0);
    expect(await settled(closing)).toBe(false);
    done.resolve();
    await closing;
  });

  test('does not try again after it was closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { add, commit, writes } = slowDisk();
      add('a');
      const closing = commit.close();
      writes[0]?.done.reject(new Error('no space'));
      await expect(closing).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
      expect(writes).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
