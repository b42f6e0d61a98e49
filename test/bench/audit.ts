// What the audit costs: node test/bench/audit.ts [FOLDER]. Prints one JSON object.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog, EntryFiles } from '../../node/audit/index.ts';
import { LevelDatabase } from '../../node/storage/index.ts';
import { headSigner, NODE, recordOf, VILLAGE } from '../support/audit.ts';

const DURABLE = 500;
const TOGETHER = 20_000;
const BULK = 200_000;

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'village-bench-audit-'));
const database = await LevelDatabase.open(folder);
let flushes = 0;
const log = await AuditLog.open({
  store: await EntryFiles.open(join(folder, 'audit'), { beside: database.namespace('audit') }),
  villageId: VILLAGE,
  nodeId: NODE,
  sign: headSigner().sign,
  reporter: { report: (name) => void (flushes += name === 'audit.flushed' ? 1 : 0) },
});

function quantile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3));
}
const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

async function oneByOne(): Promise<object> {
  const tookMs: number[] = [];
  for (let i = 0; i < DURABLE; i += 1) {
    const startedAt = performance.now();
    await log.recordDurably(recordOf());
    tookMs.push(performance.now() - startedAt);
  }
  tookMs.sort((a, b) => a - b);
  return { p50_ms: quantile(tookMs, 0.5), p99_ms: quantile(tookMs, 0.99) };
}

/** 64 callers, each waiting for its entry before it goes on: as many agents calling audited tools. */
async function together(): Promise<object> {
  const tookMs: number[] = [];
  let left = TOGETHER;
  const before = flushes;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      await log.recordDurably(recordOf());
      tookMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuMicros = Number(((cpuMs(cpu) * 1000) / TOGETHER).toFixed(2));
  tookMs.sort((a, b) => a - b);
  return {
    callers: 64,
    entries_per_s: Math.round(TOGETHER / seconds),
    entries_per_fsync: Math.round(TOGETHER / (flushes - before)),
    p50_ms: quantile(tookMs, 0.5),
    p99_ms: quantile(tookMs, 0.99),
    cpu_us_per_entry: cpuMicros,
  };
}

async function bulk(): Promise<object> {
  const records = Array.from({ length: 1000 }, (_, i) => recordOf({ target: `tool-${i}`, durationMs: i / 7 }));
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const mainCpu = process.threadCpuUsage();
  for (let i = 0; i < BULK; i += 1) {
    log.record(records[i % 1000] as (typeof records)[number]);
    const room = log.room();
    if (room !== undefined) await room;
    // As a server would: now and then the event loop turns.
    else if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await log.recordDurably(recordOf());
  const seconds = (performance.now() - startedAt) / 1000;
  const main = process.threadCpuUsage(mainCpu);
  return {
    entries_per_s: Math.round(BULK / seconds),
    cpu_us_per_entry: Number(((cpuMs(cpu) * 1000) / BULK).toFixed(2)),
    cpu_us_per_entry_on_the_event_loop: Number(((main.user + main.system) / BULK).toFixed(2)),
  };
}

try {
  const durable = await oneByOne();
  const concurrent = await together();
  const lazy = await bulk();
  process.stdout.write(`${JSON.stringify({ durable, concurrent, lazy }, null, 2)}\n`);
} finally {
  await log.stop();
  await database.close();
  await rm(folder, { recursive: true, force: true });
}
