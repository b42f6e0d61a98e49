import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelDatabase } from '../../node/storage/index.ts';
import { LIMITS } from '../../src/fog/index.ts';
import { until } from '../support/until.ts';
import { FogVillage, principalOf, specOf } from '../support/fog-village.ts';

/**
 * How long a village of five nodes in one process takes to place shards that cost nothing to start: what negotiation costs, over TCP on
 * loopback, with its signatures, and journals that are synced to disk. Delegations are not among it. `node test/bench/fog.ts [PLACEMENTS]`
 */
const count = Number(process.argv[2] ?? 100);
const limits = {
  ...LIMITS,
  leaseMs: 60_000,
  renewEveryMs: 20_000,
  cfpPerSecond: 100_000,
  cfpBurst: 100_000,
  heldPerPeer: 1_000,
  heldShare: 1_000,
};
const folder = await mkdtemp(join(tmpdir(), 'fog-bench-'));
const databases: LevelDatabase[] = [];
const village = new FogVillage();
const nodes = await village.of(5, async (index) => {
  const database = await LevelDatabase.open(join(folder, String(index)));
  databases.push(database);
  return { limits, cpuMilli: 1_000_000, memMib: 1_000_000, transport: 'tcp', database };
});
const [owner] = nodes;
if (owner === undefined) throw new Error('no node');
const spec = specOf({ res: { cpuMilli: 1, memMib: 1, diskMib: 0, gpus: 0 }, leaseMs: 60_000 });
const options = { principal: principalOf('magi', owner.nodeId), signal: AbortSignal.timeout(300_000) };

const one = async (name: string): Promise<number> => {
  const began = performance.now();
  await owner.fog.office.deploy({ shardId: name, spec, wait: 'accepted' }, options);
  // Where nobody answered in time it is blocked for a moment, and comes back by itself.
  await until(() => owner.fog.office.status(name)?.shards[0]?.placementId, { timeoutMs: 60_000, intervalMs: 1 });
  return performance.now() - began;
};
const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
const report = (what: string, took: readonly number[]): void => {
  const sorted = took.toSorted((a, b) => a - b);
  process.stdout.write(
    `${what}: p50 ${percentile(sorted, 0.5)} ms, p95 ${percentile(sorted, 0.95)} ms, max ${percentile(sorted, 1)} ms\n`,
  );
};

// As many as need no vote at once are there at once, 64.
const gone = async (name: string): Promise<void> => void (await owner.fog.office.stop(name, options));
const sequential: number[] = [];
for (let index = -20; index < count; index += 1) {
  const took = await one(`s${index}`);
  await gone(`s${index}`);
  if (index >= 0) sequential.push(took);
}
report('negotiation to accepted, one after the other', sequential);

const discovered: number[] = [];
for (let index = 0; index < 1_000; index += 1) {
  const began = performance.now();
  owner.fog.office.nodes({ need: spec.res });
  discovered.push(performance.now() - began);
}
report('discover from what is known', discovered);

const together = Math.min(count, 60);
const began = performance.now();
const took = await Promise.all(Array.from({ length: together }, (_, index) => one(`p${index}`)));
const seconds = (performance.now() - began) / 1_000;
report(`${together} at once`, took);
process.stdout.write(`${(together / seconds).toFixed(0)} placements a second from one requester\n`);
await village.stop();
for (const database of databases) await database.close();
await rm(folder, { recursive: true });
