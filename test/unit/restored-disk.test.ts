import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { witnessDisk } from '../../node/restored-disk.ts';
import { MemoryStore } from '../../node/storage/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a start finds, and then takes for the one to go on with. */
async function started(data: string, store: MemoryStore): Promise<boolean> {
  const witness = await witnessDisk(data, store);
  await witness.record();
  return witness.restored;
}

test('a folder that only this program uses is itself at each start', async () => {
  const store = new MemoryStore();
  expect([await started(folder, store), await started(folder, store), await started(folder, store)]).toEqual([
    false,
    false,
    false,
  ]);
});

test('a folder that was copied elsewhere, or put back in its place, is noticed once', async () => {
  const store = new MemoryStore();
  await started(folder, store);
  const copy = mkdtempSync(join(tmpdir(), 'village-disk-'));
  try {
    cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
    expect([await started(copy, await copyOf(store)), await started(folder, store)]).toEqual([true, false]);
    cpSync(copy, folder, { recursive: true, preserveTimestamps: true });
    expect([await started(folder, store), await started(folder, store)]).toEqual([true, false]);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

test('what was noticed is noticed again until it is recorded', async () => {
  const store = new MemoryStore();
  await started(folder, store);
  rmSync(join(folder, 'witness'));
  expect((await witnessDisk(folder, store)).restored).toBe(true);
  writeFileSync(join(folder, 'witness'), 'another');
  expect((await witnessDisk(folder, store)).restored).toBe(true);
});

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const [key, value] of store.entries()) await copy.put(key, value);
  return copy;
}
