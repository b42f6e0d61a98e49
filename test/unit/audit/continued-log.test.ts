import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { verifyAudit } from '../../../node/audit/index.ts';
import { openNodeKeys } from '../../../node/identity/index.ts';
import { auditStore, openAudit } from '../../../node/open-audit.ts';
import { MemoryDatabase } from '../../../node/storage/index.ts';
import { recordOf, VILLAGE } from '../../support/audit.ts';

let dataDir: string;
let database: MemoryDatabase;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'village-continued-'));
  database = new MemoryDatabase();
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

const place = () => ({ dataDir, database, villageId: VILLAGE });
const keys = () => openNodeKeys(dataDir, { create: true });

/** One run of a node: `calls` calls, then a clean end. */
async function run(calls: number): Promise<void> {
  const { log } = await openAudit({ ...place(), keys: keys(), reporter: { report: () => undefined } });
  for (let at = 0; at < calls; at += 1) log.record(recordOf({ target: `tool-${at}` }));
  await log.stop();
}

async function verdict() {
  const { files } = await auditStore(place());
  const { nodeId, issuerKey } = keys();
  return verifyAudit(files, { villageId: VILLAGE, nodeId, issuerKey });
}

async function edit(change: (lines: string[]) => string[]): Promise<void> {
  const folder = join(dataDir, 'audit', VILLAGE.slice(0, 16));
  const [name] = (await readdir(folder)) as [string];
  const path = join(folder, name);
  await writeFile(path, change((await readFile(path, 'utf8')).split('\n')).join('\n'));
}

test('a log that nobody touched is whole, however often a node goes on with it', async () => {
  for (let runs = 0; runs < 3; runs += 1) await run(5);
  expect(await verdict()).toMatchObject({ ok: true, to: 21 });
});

test.each<[string, number, (lines: string[]) => string[]]>([
  ['its end cut off', 4, (lines) => [...lines.slice(0, 5), '', '']],
  ['all of it taken out', 0, () => []],
])('a log with %s is not made whole by going on with it, as far as that goes', async (_, left, change) => {
  await run(20);
  await edit(change);
  expect(await verdict()).toMatchObject({ ok: false, brokenAt: { kind: 'truncated', seq: left + 1 } });

  await run(0);
  expect(await verdict()).toMatchObject({ ok: false, brokenAt: { kind: 'truncated' } });
  await run(40);
  expect(await verdict()).toMatchObject({ ok: false, brokenAt: { kind: 'head-mismatch', seq: 22 } });
});

test('an end that was cut off and written again up to the same entry is named', async () => {
  await run(20);
  await edit((lines) => [...lines.slice(0, 5), '', '']);
  await run(13); // with a gap, a start and a stop as long as it was, but for one
  await run(0);
  expect(await verdict()).toMatchObject({ ok: false, brokenAt: { kind: 'head-mismatch', seq: 22 } });
});

test('a newest head that is no text keeps no node from going on with its log', async () => {
  await run(5);
  const { beside } = await auditStore(place());
  await beside.batch([{ type: 'put', key: 'n/head', value: Uint8Array.of(0xff, 0xfe) }], { sync: true });
  await run(5);
  expect(await verdict()).toMatchObject({ ok: true, to: 14 });
});
