import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { VillageClient } from '../../node/client/index.ts';
import { LevelDatabase, type Store } from '../../node/storage/index.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, run } from '../support/process-node.ts';
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

afterAll(cleanUp);

const why = whyNoSmallDisk();
/** For what a busy machine may take its time with. */
const PATIENT = { timeoutMs: 20_000 };

/** Puts values of a kilobyte that do not compress; answers the keys that were promised. */
async function putSome(store: Store, keys: readonly string[]): Promise<string[]> {
  const put = keys.map(async (key) => store.put(key, randomBytes(1024), { sync: true }));
  const done = await Promise.allSettled(put);
  return keys.filter((_key, at) => done[at]?.status === 'fulfilled');
}

function keysOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${name}${String(at).padStart(5, '0')}`);
}

async function heldIn(store: Store): Promise<Set<string>> {
  const held = new Set<string>();
  for await (const [key] of store.entries()) held.add(key);
  return held;
}

describe.skipIf(why !== undefined)(`a disk that is full${why === undefined ? '' : ` (not tried: ${why})`}`, () => {
  // The second leaves room for the log of LevelDB, and not for the table that is made of it.
  test.each([
    { leaving: 0, before: 50 },
    { leaving: 6 * 1024 * 1024, before: 3_500 },
  ])(
    'loses nothing that the store promises, then and later ($leaving bytes left)',
    async ({ leaving, before }) => {
      await using disk = await SmallDisk.make(32);
      const database = await LevelDatabase.open(disk.path);
      const store = database.namespace('things');
      const promised = await putSome(store, keysOf('before', before));
      expect(promised).toHaveLength(before);
      disk.fill({ leaving });

      const refused = await until(
        async () => {
          const keys = keysOf(`full${promised.length}-`, 500);
          const taken = await putSome(store, keys);
          promised.push(...taken);
          return keys.length - taken.length;
        },
        { timeoutMs: 20_000 },
      );
      expect(refused).toBeGreaterThan(0);
      expect((await heldIn(store)).size, 'what is there is read on').toBeGreaterThanOrEqual(before);

      disk.free();
      await until(async () => (await putSome(store, ['again'])).length === 1, PATIENT);
      promised.push('again', ...(await putSome(store, keysOf('later', 300))));
      expect(promised.filter((key) => key.startsWith('later'))).toHaveLength(300);
      await database.close();

      const reopened = await LevelDatabase.open(disk.path);
      const held = await heldIn(reopened.namespace('things'));
      await reopened.close();
      expect(promised.filter((key) => !held.has(key))).toEqual([]);
    },
    60_000,
  );

  test('stops a node from what must be on record, and the node goes on by itself when there is room', async () => {
    await using disk = await SmallDisk.make(32);
    const counting = [join(ROOT, 'test/fixtures/servers/counting.mjs'), join(dataFolder('ran'), 'ran')];
    const config = { mcpServers: { counting: { command: process.execPath, args: counting } } };
    const ran = async (id: string) => (await readFile(counting[1] as string, 'utf8')).split('\n').includes(id);
    const started = () => ProcessNode.start({ data: disk.path, config });
    const client = async (node: ProcessNode) =>
      VillageClient.connect({ url: node.ready.gateway, token: await node.token(), retries: 0 });
    let answered = 0;
    /** A tool whose calls must be on record. */
    const ask = async (village: VillageClient): Promise<unknown> => {
      try {
        await village.call('policy_query', {});
        answered += 1;
        return 'answered';
      } catch (error) {
        return error;
      }
    };
    const keyed = (village: VillageClient, id: string): Promise<unknown> =>
      village.call('counting__add', { id }, { idempotencyKey: id }).catch((error: unknown) => error);

    const node = await started();
    {
      await using village = await client(node);
      await until(async () => (await village.tools()).some(({ name }) => name === 'counting__add'), PATIENT);
      expect(await keyed(village, 'first')).toMatchObject({ content: [{ text: 'first' }] });
      expect(await ask(village)).toBe('answered');
      disk.fill();
      const failed = await until(async () => {
        const outcome = await ask(village);
        return outcome instanceof Error && outcome;
      });
      expect(failed).toMatchObject({ code: 'OUTCOME_UNKNOWN', notStarted: false });
      expect(await ask(village), 'what comes later is not begun').toMatchObject({
        code: 'NO_HEALTHY_SERVER',
        notStarted: true,
      });
      const refused = await until(async () => {
        const id = `full${Math.random()}`;
        const outcome = await keyed(village, id);
        return outcome instanceof Error && { id, outcome };
      });
      expect(refused.outcome).toMatchObject({ code: 'NO_HEALTHY_SERVER', notStarted: true });
      expect(await ran(refused.id)).toBe(false);

      const status = await node.cli(['status']);
      expect(status.stdout + status.stderr).toMatch(/warning: the audit log cannot be written: .*\(ENOSPC\)/);
      expect(status.stdout + status.stderr).toMatch(/the disk of the data folder has 0 MiB left/);
      expect((await node.cli(['doctor'])).stdout).toMatch(/PROBLEM {2}free space: 0 MiB left/);

      disk.free();
      await until(async () => (await ask(village)) === 'answered', PATIENT);
      await until(async () => !((await keyed(village, 'after')) instanceof Error), PATIENT);
      expect((await node.cli(['status'])).stdout).not.toMatch(/cannot be written/);
    }
    await node.kill();

    const again = await started();
    await using village = await client(again);
    await until(async () => (await village.tools()).some(({ name }) => name === 'counting__add'), PATIENT);
    expect(await keyed(village, 'first')).toMatchObject({ content: [{ text: 'first' }] });
    expect(await keyed(village, 'after')).toMatchObject({ content: [{ text: 'after' }] });
    const times = (await readFile(counting[1] as string, 'utf8')).split('\n');
    expect(times.filter((id) => id === 'first' || id === 'after')).toEqual(['first', 'after']);
    expect(await again.json<object>(['audit', 'verify'])).toMatchObject({ ok: true });
    const lines = (await again.cli(['audit', 'export'])).stdout.trim().split('\n');
    const ok = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ kind, target, outcome }) => kind === 'call' && target === 'policy_query' && outcome === 'ok');
    // The one that failed in the midst came to the disk after all.
    expect(ok).toHaveLength(answered + 1);
    // What is printed into a full disk is not called done.
    const exported = `"${process.execPath}" "${join(ROOT, 'node/main.ts')}" audit export --data "${disk.path}" > /dev/full`;
    expect(await run('sh', ['-c', exported])).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOSPC') });
    await again.stop();
  }, 90_000);
});
