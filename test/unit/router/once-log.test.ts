import { expect, test } from 'vitest';
import { OnceLog } from '../../../node/router/index.ts';
import { MemoryStore, type Store, type StoreChange } from '../../../node/storage/index.ts';
import { success } from '../../../node/backends/reply.ts';
import { Reports } from '../../support/mesh-hosts.ts';

const open = (store: Store, reporter = new Reports()) => OnceLog.open(store, { wallMs: () => 1, reporter });
const call = (key: string, atMs = 1) => ({ agentId: 'ann', key, digest: 'd', atMs });
const end = { reply: success(7, { text: 'line\nline ✓' }), id: 7, peer: 'there' };

test('what was written is read, the oldest first, byte for byte, and given once', async () => {
  const store = new MemoryStore();
  const log = await open(store);
  const brought = { ...call('b', 2), by: 'peer' };
  await log.begun(brought);
  await log.begun(call('a\ud800', 1));
  await log.ended(brought, end);
  const again = await open(store);
  const { body, outcome, reason } = end.reply;
  expect(again.takeKept()).toEqual([
    { ...call('a\ud800', 1), end: undefined },
    { ...brought, end: { id: 7, peer: 'there', reply: { body: Uint8Array.from(body), outcome, reason } } },
  ]);
  expect(again.takeKept()).toEqual([]);
});

test('bytes that are no record, or lie in another’s place, are dropped', async () => {
  const store = new MemoryStore();
  const log = await open(store);
  await log.begun(call('k'));
  const [[, good]] = (await entries(store)) as [[string, Uint8Array]];
  const text = new TextDecoder().decode(good);
  const bad = [
    '',
    '\n',
    'no',
    '[]\n',
    text.trim(),
    text.replace('"v":1', '"v":2'),
    text.replace('}', ',"more":1}'),
    text,
  ];
  for (const [at, value] of bad.entries()) await store.put(`bad ${at}`, new TextEncoder().encode(value));
  expect((await open(store)).takeKept()).toHaveLength(1);
  expect(await entries(store)).toHaveLength(1);
});

test('those that wait together are written together, the newest word on each', async () => {
  const store = new MemoryStore();
  const batches: (readonly StoreChange[])[] = [];
  const held = Promise.withResolvers<void>();
  store.batch = async (changes) => {
    batches.push(changes);
    await held.promise;
  };
  const log = await open(store);
  const first = log.begun(call('first'));
  await Promise.resolve();
  const rest = Array.from({ length: 50 }, (_, at) => log.begun(call(`k${at}`)));
  log.forget(call('k0'));
  held.resolve();
  await Promise.all([first, ...rest]);
  expect(batches.map((batch) => batch.length)).toEqual([1, 50]);
  expect(batches[1]?.[0]?.type).toBe('del');
});

test('a refusal of the disk reaches those who wait, and is reported where nobody does', async () => {
  const store = new MemoryStore();
  const batch = store.batch.bind(store);
  store.batch = () => Promise.reject(new Error('full'));
  const reports = new Reports();
  const log = await open(store, reports);
  await expect(log.begun(call('k'))).rejects.toThrow('full');
  log.forget(call('l'));
  await log.close();
  expect(reports.of('background.failed')).toHaveLength(1);
  store.batch = batch;
  await log.begun(call('m'));
  expect(await entries(store)).toHaveLength(1);
});

test('where the disk hangs, calls with keys are refused before they fill the memory', async () => {
  const store = new MemoryStore();
  const held = Promise.withResolvers<void>();
  let most = 0;
  store.batch = (changes) => {
    most = Math.max(most, changes.length);
    return held.promise;
  };
  const reports = new Reports();
  const log = await open(store, reports);
  const first = log.begun(call('first'));
  await Promise.resolve();
  const waiting = Array.from({ length: 5_000 }, (_, at) => log.begun(call(`k${at}`)));
  for (let at = 0; at < 5_000; at += 1) log.forget(call(`l${at}`));
  const refused = waiting.slice(4_096).map((begun) => expect(begun).rejects.toMatchObject({ code: 'STORE_FAILED' }));
  await Promise.all(refused);
  held.resolve();
  await Promise.all([first, ...waiting.slice(0, 4_096)]);
  expect(most).toBe(4_096);
});

async function entries(store: Store): Promise<(readonly [string, Uint8Array])[]> {
  const found: (readonly [string, Uint8Array])[] = [];
  for await (const entry of store.entries()) found.push(entry);
  return found;
}
