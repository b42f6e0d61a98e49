import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { shardsUnder } from './fog-processes.ts';
import { until } from './until.ts';

// Every folder that a test file makes lies in one of its own: shards of its nodes are told from those of whoever else runs here.
const root = mkdtempSync(join(tmpdir(), 'vt-'));
process.env['TMPDIR'] = root;

/** After all else of the file: no process of a shard that it started is left, whatever became of the node that started it. */
afterAll(async () => {
  try {
    await until(() => shardsUnder([root]).length === 0, {
      timeoutMs: 10_000,
      intervalMs: 100,
      what: 'no shard is left',
    });
  } finally {
    for (const { pid } of shardsUnder([root])) process.kill(pid, 'SIGKILL');
    removeIfEmpty(root);
  }
}, 30_000);

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // What else a test left there is for whoever looks.
  }
}
