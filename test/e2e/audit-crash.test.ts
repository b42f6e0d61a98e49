import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditLog, EntryFiles, exportAudit, verifyExport } from '../../node/audit/index.ts';
import { LevelDatabase } from '../../node/storage/index.ts';
import { headSigner, NODE, VILLAGE } from '../support/audit.ts';
import { until } from '../support/until.ts';

const WRITER = new URL('../fixtures/audit-writer.ts', import.meta.url).pathname;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-audit-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Lets a process write until it promised `count` more entries, then kills it; answers what it promised. */
async function writtenUntilKilled(count: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, folder, VILLAGE, NODE], { stdio: ['ignore', 'pipe', 'inherit'] });
  const promised: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => promised.push(line));
  try {
    await until(() => promised.length >= count, { timeoutMs: 20_000, what: `${count} promised entries` });
  } finally {
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  }
  return promised;
}

test('a process killed while it writes loses no entry it had promised, and the next start records the gap', async () => {
  const promised = await writtenUntilKilled(300);

  const database = await LevelDatabase.open(folder);
  const store = await EntryFiles.open(join(folder, 'audit'), { beside: database.namespace('audit') });
  const log = await AuditLog.open({
    store,
    villageId: VILLAGE,
    nodeId: NODE,
    sign: headSigner().sign,
    reporter: { report: () => undefined },
  });
  await log.stop();
  const lines: string[] = [];
  for await (const line of exportAudit(store)) lines.push(line);
  await database.close();

  const entries = lines.map((line) => JSON.parse(line) as { kind: string; target: string; reason: string });
  const stored = new Set(entries.map(({ target }) => target));
  expect(promised.filter((target) => !stored.has(target))).toEqual([]);
  expect(entries.slice(-3).map(({ kind, reason }) => [kind, reason])).toEqual([
    ['gap', 'unclean-stop'],
    ['start', ''],
    ['stop', ''],
  ]);
  expect(await verifyExport(lines, { villageId: VILLAGE, nodeId: NODE })).toMatchObject({ ok: true, to: lines.length });
});
