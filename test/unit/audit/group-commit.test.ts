import { describe, expect, test, vi } from 'vitest';
import { GroupCommit } from '../../../node/audit/group-commit.ts';
import type { StoreChange, WriteOptions } from '../../../node/storage/index.ts';
import { until } from '../../support/until.ts';

interface Write {
  readonly keys: readonly string[];
  readonly options: WriteOptions | undefined;
  readonly done: PromiseWithResolvers<void>;
}

/** A disk that answers when it is told to. */
function slowDisk(changes: { readonly lazyMs?: number } = {}) {
  const writes: Write[] = [];
  const store = {
    batch(batch: readonly StoreChange[], options?: WriteOptions): Promise<void> {
      const done = Promise.withResolvers<void>();
      writes.push({ keys: batch.map(({ key }) => key), options, done });
      return done.promise;
    },
  };
  const commit = new GroupCommit({
    store,
    lazyMs: changes.lazyMs ?? 1,
    deadlineMs: 5_000,
    retryMs: 1,
    maxRetryMs: 1,
    onFlushed: () => undefined,
    onFailed: () => undefined,
  });
  const write = (index: number): Promise<Write> => until(() => writes[index], { intervalMs: 1 });
  return { commit, write, writes };
}
const put = (key: string): StoreChange => ({ type: 'put', key, value: new Uint8Array() });

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
  test('asks for every batch to be on disk, not only handed to the system', async () => {
    const { commit, write } = slowDisk();
    commit.add(put('a'));
    const { options, done } = await write(0);
    expect(options).toEqual({ sync: true });
    done.resolve();
  });

  test('promises what is being written only once it is written', async () => {
    const { commit, write } = slowDisk();
    commit.add(put('a'));
    const { done } = await write(0);
    const durable = commit.durable();
    expect(await settled(durable)).toBe(false);
    done.resolve();
    await durable;
    expect(commit.pending).toBe(0);
  });

  test('promises what came during a batch only with the next one', async () => {
    const { commit, write } = slowDisk();
    commit.add(put('a'));
    const first = await write(0);
    commit.add(put('b'));
    const durable = commit.durable();
    first.done.resolve();
    const second = await write(1);
    expect(second.keys).toEqual(['b']);
    expect(await settled(durable)).toBe(false);
    second.done.resolve();
    await durable;
  });

  test('tells those who wait for the next batch too that the disk fails', async () => {
    const { commit, write } = slowDisk();
    commit.add(put('a'));
    const first = await write(0);
    commit.add(put('b'));
    const durable = commit.durable();
    first.done.reject(new Error('no space'));
    await expect(durable).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    const second = await write(1);
    expect(second.keys).toEqual(['a', 'b']);
    second.done.resolve();
    await commit.close();
  });

  test('writes what is left when it closes, and waits for it', async () => {
    const { commit, write } = slowDisk({ lazyMs: 60_000 });
    commit.add(put('a'));
    const closing = commit.close();
    const { done } = await write(0);
    expect(await settled(closing)).toBe(false);
    done.resolve();
    await closing;
  });

  test('does not try again after it was closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { commit, writes } = slowDisk();
      commit.add(put('a'));
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
