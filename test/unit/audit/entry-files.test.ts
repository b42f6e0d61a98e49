import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog, EntryFiles, exportAudit, moveIntoFiles, verifyAudit } from '../../../node/audit/index.ts';
import { MemoryStore, type StoreRange, type WriteOptions } from '../../../node/storage/index.ts';
import { entryKey, headKey } from '../../../src/audit/index.ts';
import { headSigner, NODE, recordOf, VILLAGE } from '../../support/audit.ts';
import { MemoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-entry-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const signer = headSigner();
const owner = { villageId: VILLAGE, nodeId: NODE, issuerKey: signer.issuerKey };
const ENTRIES = { gte: 'e/', lt: 'e0' };
const lineOf = (seq: number): string => `{"seq":${seq},"atMs":${seq},"x":1}`;
/** What begins with entry `first` as a log hands it over. */
const batchOf = (first: number, lines: readonly string[], newestHead?: Uint8Array) => ({
  lines: { first, bytes: Buffer.from(`${lines.join('\n')}\n\n`) },
  newestHead,
});
const entry = (seq: number, line = lineOf(seq)) => batchOf(seq, [line]);
async function keysOf(entries: AsyncIterable<readonly [string, Uint8Array]>): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of entries) keys.push(key);
  return keys;
}
const filesAt = (path: string, limits = {}) => EntryFiles.open(path, { beside: new MemoryStore(), ...limits });

/** A log of `calls` calls, ended cleanly. */
async function written(calls: number, beside = new MemoryStore(), limits = {}): Promise<MemoryStore> {
  const store = await EntryFiles.open(folder, { beside, ...limits });
  const log = await AuditLog.open({ ...owner, store, sign: signer.sign, reporter: { report: () => undefined } });
  for (let i = 0; i < calls; i += 1) await log.recordDurably(recordOf({ target: `tool-${i}` }));
  await log.stop();
  return beside;
}

async function verdict(beside: MemoryStore) {
  return verifyAudit(await EntryFiles.open(folder, { beside }), owner);
}

describe('a log in files', () => {
  test('is nothing on disk until there is an entry, and then no one else’s to read', async () => {
    const path = join(folder, 'log');
    const files = await filesAt(path);
    expect(await keysOf(files.entries(ENTRIES))).toEqual([]);
    await files.append(entry(1));
    await files.close();
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(path, '0000000000000001.jsonl'))).mode & 0o777).toBe(0o600);
  });

  test('gives entries and signed heads back under their own keys, across segments and after a new start', async () => {
    const files = await filesAt(folder, { segmentBytes: 80 });
    for (let seq = 1; seq <= 9; seq += 3) {
      const lines = [seq, seq + 1, seq + 2].map(lineOf);
      await files.append(batchOf(seq, [...lines, `${headKey(seq + 2)} a.b.c`]));
    }
    const read = async (from: EntryFiles) => [
      await keysOf(from.entries(ENTRIES)),
      await keysOf(from.entries({ gte: 'h/', lt: 'h0' })),
    ];
    const expected = [Array.from({ length: 9 }, (_, i) => entryKey(i + 1)), [3, 6, 9].map(headKey)];
    expect(await read(files)).toEqual(expected);
    await files.close();
    expect(await readdir(folder)).toEqual([1, 4, 7].map((first) => `000000000000000${first}.jsonl`));
    expect(await read(await filesAt(folder))).toEqual(expected);
  });

  test('names the entry where a folder lies in the place of a file, and says where when it is to go on', async () => {
    const beside = await written(6, new MemoryStore(), { segmentBytes: 1 });
    const names = (await readdir(folder)).sort();
    for (const name of [names[2], names.at(-1)] as [string, string]) {
      const [path, aside] = [join(folder, name), join(folder, 'aside')];
      await rename(path, aside);
      await mkdir(path);
      expect(await verdict(beside)).toMatchObject({ ok: false, brokenAt: { seq: Number.parseInt(name, 10) } });
      await rm(path, { recursive: true });
      await rename(aside, path);
    }
    expect(await verdict(beside)).toMatchObject({ ok: true });
    const last = join(folder, names.at(-1) as string);
    await rm(last);
    await mkdir(last);
    const files = await EntryFiles.open(folder, { beside });
    await expect(files.recover()).rejects.toMatchObject({
      code: 'AUDIT_CORRUPT',
      message: expect.stringContaining(last),
    });
  });

  test('begins another file after a day, so that what is old can be left out', async () => {
    const files = await filesAt(folder, { segmentMs: 10 });
    for (let seq = 1; seq <= 25; seq += 1) await files.append(entry(seq));
    await files.close();
    expect((await readdir(folder)).map((name) => Number(name.slice(0, 16)))).toEqual([1, 11, 21]);
  });

  test('any range, forwards or backwards, gives what an ordered map would give', async () => {
    const bound = fc.integer({ min: 0, max: 14 });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        cuts,
        bound,
        bound,
        fc.boolean(),
        fc.integer({ min: 1, max: 13 }),
        async (at, from, to, reverse, limit) => {
          const single = new MemoryStore();
          const path = await mkdtemp(join(folder, 'x'));
          const files = await filesAt(path, { segmentBytes: 80 });
          let batch: number[] = [];
          for (let seq = 1; seq <= 12; seq += 1) {
            batch.push(seq);
            await single.put(entryKey(seq), Buffer.from(lineOf(seq)));
            if (!at.includes(seq) && seq < 12) continue;
            await files.append(batchOf(batch[0] as number, batch.map(lineOf)));
            batch = [];
          }
          const range = { gte: entryKey(from), lt: entryKey(to), reverse, limit };
          expect(await keysOf(files.entries(range))).toEqual(await keysOf(single.entries(range)));
          await files.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  test('finds an entry near its end without reading from the beginning', async () => {
    const files = await filesAt(folder);
    for (let seq = 1; seq <= 400; seq += 1) await files.append(entry(seq, `{"seq":${seq},"x":"${'y'.repeat(1000)}"}`));
    expect(await keysOf(files.entries({ gte: entryKey(399), lt: 'e0' }))).toEqual([399, 400].map(entryKey));
    await files.close();
  });
});

describe('a log whose disk is slow', () => {
  /** Files whose batches, once they are to hang, are written and do not come to stand until they are let. */
  async function hanging(limits = {}) {
    const beside = new MemoryStore();
    const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const state = { hangs: false };
    const files = await EntryFiles.open(folder, {
      beside: {
        entries: (range) => beside.entries(range),
        batch: async (changes) => {
          if (state.hangs) reached.resolve();
          if (state.hangs) await goOn.promise;
          await beside.batch(changes);
        },
      },
      ...limits,
    });
    return { files, beside, state, reached: reached.promise, goOn: goOn.resolve };
  }
  /** Targets of the calls that a process which begins now finds. */
  const found = async (beside: MemoryStore): Promise<string[]> => {
    const copy = await mkdtemp(join(folder, '..', 'village-entry-copy-'));
    try {
      for (const name of await readdir(folder)) await writeFile(join(copy, name), await readFile(join(folder, name)));
      const files = await EntryFiles.open(copy, { beside });
      await files.recover();
      const targets: string[] = [];
      for await (const [, line] of files.entries(ENTRIES))
        targets.push(JSON.parse(Buffer.from(line).toString()).target);
      await files.close();
      return targets.filter((target) => target !== '');
    } finally {
      await rm(copy, { recursive: true });
    }
  };

  test('keeps what comes meanwhile from a process that is killed, and has it once when it is not', async () => {
    const { files, beside, state, reached, goOn } = await hanging();
    const options = { ...owner, store: files, sign: signer.sign, reporter: { report: () => undefined } };
    const log = await AuditLog.open({ ...options, limits: { lazyMs: 5, headMs: 5 } });
    state.hangs = true;
    log.record(recordOf({ target: 'slow' }));
    await reached;
    for (const target of ['b', 'c']) log.record(recordOf({ target }));
    await until(async () => (await found(beside)).join() === 'slow,b,c');
    log.record(recordOf({ target: 'd' }));
    await until(async () => (await found(beside)).join() === 'slow,b,c,d');
    goOn();
    log.record(recordOf({ target: 'e' }));
    await log.stop();
    expect(await found(beside)).toEqual(['slow', 'b', 'c', 'd', 'e']);
    expect(await verdict(beside)).toMatchObject({ ok: true });
  });

  test('keeps what comes while nothing but a signed head is on its way', async () => {
    const { files, beside, state, reached, goOn } = await hanging();
    const options = { ...owner, store: files, sign: signer.sign, reporter: { report: () => undefined } };
    const log = await AuditLog.open({ ...options, limits: { lazyMs: 5, headMs: 20 } });
    state.hangs = true;
    await reached; // the head of its first entry, for which the time has come
    for (const target of ['b', 'c']) log.record(recordOf({ target }));
    await until(async () => (await found(beside)).join() === 'b,c');
    goOn();
    await log.stop();
    expect(await found(beside)).toEqual(['b', 'c']);
    expect(await verdict(beside)).toMatchObject({ ok: true });
  });

  test('lays nothing at the end of a file whose next lines come to another', async () => {
    const { files, state, reached, goOn } = await hanging({ segmentBytes: 70 });
    const first = join(folder, '0000000000000001.jsonl');
    state.hangs = true;
    const appended = files.append(batchOf(1, [1, 2, 3].map(lineOf), Buffer.from('a.b.c')));
    await reached;
    const { size } = await stat(first);
    await files.handOver(entry(4).lines);
    expect((await stat(first)).size).toBe(size);
    goOn();
    await appended;
    await files.append(entry(4));
    await files.close();
    expect(await readdir(folder)).toHaveLength(2);
    expect((await stat(first)).size).toBe(size);
  });
});

describe('what goes beside the files', () => {
  test('is asked to be on disk where no entries carry it, and never comes before the entries it speaks of', async () => {
    const done: string[] = [];
    const beside = new MemoryStore();
    const watched = {
      entries: (range?: StoreRange) => beside.entries(range),
      batch: async (_: unknown, options?: WriteOptions) => {
        done.push(`${options?.sync === true ? 'synced' : 'handed over'} at ${(await readdir(folder)).length} files`);
      },
    };
    const files = await EntryFiles.open(folder, { beside: watched });
    await files.append({ lines: undefined, newestHead: Buffer.from('a.b.c') });
    await files.append(batchOf(1, [lineOf(1)], Buffer.from('a.b.c')));
    expect(done).toEqual(['synced at 0 files', 'handed over at 1 files']);
    await files.close();
  });
});

describe('a batch that a crash tore', () => {
  test.each([1, 40, 700])('is cut off where it stops being whole, %i bytes before its end', async (lost) => {
    const beside = await written(20);
    const [name] = (await readdir(folder)) as [string];
    const path = join(folder, name);
    const { size } = await stat(path);
    await truncate(path, size - lost);
    await written(1, beside);
    const kinds: unknown[] = [];
    for await (const line of exportAudit(await filesAt(folder))) {
      const { kind, reason } = JSON.parse(line) as Record<string, unknown>;
      kinds.push(kind === 'gap' ? `gap ${String(reason)}` : kind);
    }
    expect(kinds.filter((kind) => String(kind).startsWith('gap'))).toHaveLength(lost === 1 ? 0 : 1);
    expect(kinds.slice(-3)).toEqual(['start', 'call', 'stop']);
  });

  test('leaves nothing that the next batch could be mistaken for', async () => {
    await written(3);
    const [name] = (await readdir(folder)) as [string];
    const path = join(folder, name);
    const bytes = await readFile(path);
    await writeFile(path, Buffer.concat([bytes, Buffer.from('{"seq":6,"atMs":1,"ki')]));
    const files = await filesAt(folder);
    expect(await files.recover()).toBe(21);
    await files.close();
    expect(await readFile(path)).toEqual(bytes);
  });
});

describe('a log in files that was tampered with', () => {
  const change = async (edit: (lines: string[]) => string[]): Promise<void> => {
    const [name] = (await readdir(folder)) as [string];
    const path = join(folder, name);
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    await writeFile(path, `${edit(lines).join('\n\n')}\n\n`);
  };
  const swapped = (lines: string[]) => lines.toSpliced(3, 2, lines[4] as string, lines[3] as string);

  test.each([
    [
      'a flipped byte',
      (lines: string[]) => lines.with(3, (lines[3] as string).replace('tool-2', 'tool-3')),
      'changed',
      4,
    ],
    ['a deleted entry', (lines: string[]) => lines.toSpliced(3, 1), 'missing', 4],
    ['two entries in each other’s place', swapped, 'out-of-order', 4],
    ['a repeated entry', (lines: string[]) => lines.toSpliced(4, 0, lines[3] as string), 'duplicate', 5],
    ['a cut-off end, with its head', (lines: string[]) => lines.slice(0, 6), 'truncated', 7],
  ])('by %s is broken there', async (_, edit, kind, seq) => {
    const beside = await written(8);
    expect(await verdict(beside)).toMatchObject({ ok: true, checked: 10, signedTo: 10 });
    await change(edit);
    expect((await verdict(beside)).brokenAt).toMatchObject({ kind, seq });
  });

  test('by a whole file taken out is broken there', async () => {
    const beside = await written(8, new MemoryStore(), { segmentBytes: 2_000 });
    const names = await readdir(folder);
    expect(names.length).toBeGreaterThan(2);
    const middle = names[1] as string;
    await rm(join(folder, middle));
    expect((await verdict(beside)).brokenAt).toMatchObject({ kind: 'missing', seq: Number(middle.slice(0, 16)) });
  });
});

describe('a log that still lies in the database', () => {
  /** With the records of so many calls. */
  async function logOf(calls: number): Promise<MemoryLog> {
    const database = new MemoryLog();
    const log = await AuditLog.open({
      ...owner,
      store: database,
      sign: signer.sign,
      reporter: { report: () => undefined },
    });
    for (let i = 0; i < calls; i += 1) log.record(recordOf({ target: `tool-${i}` }));
    await log.stop();
    return database;
  }

  test('is moved into files once, whole, with its heads, also when a crash came between', async () => {
    const database = await logOf(600);
    const before: string[] = [];
    for await (const line of exportAudit(database)) before.push(line);
    const half = await EntryFiles.open(folder, { beside: database });
    for (let seq = 1; seq <= 300; seq += 1) await half.append(entry(seq, before[seq - 1]));
    await half.close();

    const files = await EntryFiles.open(folder, { beside: database });
    await moveIntoFiles(database, files);
    const after: string[] = [];
    for await (const line of exportAudit(files)) after.push(line);
    expect(after).toEqual(before);
    expect(await keysOf(database.entries(ENTRIES))).toEqual([]);
    await files.close();
  });

  test('verifies when it was moved, and goes on', async () => {
    const database = await logOf(300);
    const files = await EntryFiles.open(folder, { beside: database });
    await moveIntoFiles(database, files);
    await files.close();
    await written(1, database);
    expect(await verdict(database)).toMatchObject({ ok: true, checked: 305 });
  });
});
