import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { boottimeMs, ShardRunner } from '../../node/fog/runner/index.ts';
import { alive } from '../support/hosting.ts';
import { guardsOf, nothingLeftOf, processesOf, SHARD, shardStart } from '../support/shards.ts';
import { until } from '../support/until.ts';

const OWNER = join(import.meta.dirname, '../fixtures/shards/owner.ts');

interface Owner {
  readonly process: ChildProcess & { readonly pid: number };
  readonly folder: string;
  /** The first process of its shard, and its guard. */
  readonly shard: number;
  readonly guard: number;
}

/** A process that runs one shard as a node does; whatever happens, nothing of it outlives the test, and the test says so. */
async function owner(placement: string, options: { mode: string; leaseMs: number }): Promise<Owner> {
  const folder = mkdtempSync(join(tmpdir(), 'village-owner-'));
  const { mode, leaseMs } = options;
  const words = [OWNER, folder, placement, String(leaseMs), process.execPath, SHARD, mode];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] }) as ChildProcess & {
    pid: number;
  };
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await nothingLeftOf(placement);
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(20_000) })) as [string];
  const { ready, pid } = JSON.parse(line) as { ready: boolean; pid: number };
  expect(ready).toBe(true);
  const [guard = 0] = guardsOf(child.pid);
  return { process: child, folder, shard: pid, guard };
}

function runnerIn(dataDir: string): ShardRunner {
  return new ShardRunner({ nodeId: 'next', dataDir, reporter: { report: () => undefined }, environment: process.env });
}

describe.skipIf(process.platform !== 'linux')('a shard of a node', () => {
  test('that is killed by SIGKILL ends within seconds, grandchildren behind a shell too, long before its lease', async () => {
    const owned = await owner('killed', { mode: 'grandchild', leaseMs: 60_000 });
    await until(() => processesOf('killed').length >= 3, { what: 'its grandchild' });
    owned.process.kill('SIGKILL');
    await nothingLeftOf('killed', 5_000);
    await until(() => !alive(owned.guard), { what: 'its guard is gone too' });
  });

  test('that is stopped by SIGSTOP ends with its lease all the same', async () => {
    const leaseMs = 4_000;
    const from = boottimeMs();
    const owned = await owner('paused', { mode: 'stubborn', leaseMs });
    owned.process.kill('SIGSTOP');
    expect(processesOf('paused')).toEqual([owned.shard]);
    // The lease was counted by the owner, which started after `from`.
    await nothingLeftOf('paused', leaseMs + 3_000);
    expect(boottimeMs() - from).toBeGreaterThan(leaseMs - 1_000);
    await until(() => !alive(owned.guard), { what: 'its guard does not wait for a node that reads nothing' });
  });

  test('whose guard is killed ends too, and its end is told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-guardless-'));
    const runner = runnerIn(folder);
    onTestFinished(async () => {
      await runner.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const start = shardStart('grandchild');
    const shard = await runner.start(start);
    await shard.ready;
    await until(() => processesOf(start.placementId).length >= 3, { what: 'its grandchild' });
    for (const guard of guardsOf(process.pid)) process.kill(guard, 'SIGKILL');
    expect(await shard.exited).toEqual({ kind: 'guard-lost' });
    expect(processesOf(start.placementId)).toEqual([]);
  });

  test('that was killed together with the guard is ended by the next start', async () => {
    const owned = await owner('orphaned', { mode: 'grandchild', leaseMs: 60_000 });
    await until(() => processesOf('orphaned').length >= 3, { what: 'its grandchild' });
    owned.process.kill('SIGSTOP'); // so that it does not clear up when its guard goes
    process.kill(owned.guard, 'SIGKILL');
    owned.process.kill('SIGKILL');
    await once(owned.process, 'exit');
    // The kernel ended the first process with its guard; the grandchild is what is left.
    await until(() => !alive(owned.shard));
    expect(processesOf('orphaned').length).toBeGreaterThan(0);
    const next = runnerIn(owned.folder);
    expect(await next.sweep()).toBeGreaterThan(0);
    expect(processesOf('orphaned')).toEqual([]);
    await next.close();
  });
});

describe.skipIf(process.platform !== 'linux')('the sweep at start', () => {
  test('leaves a stranger alone who has the pid of a shard that ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-recycled-'));
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => 1, 1000)'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => {
      stranger.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    mkdirSync(join(folder, 'run/shards/old'), { recursive: true });
    const groups = [{ pid: stranger.pid, start: '1' }];
    writeFileSync(join(folder, 'run/shards.json'), JSON.stringify({ run: 'ab'.repeat(12), boot, groups }));
    const next = runnerIn(folder);
    expect(await next.sweep()).toBe(0);
    expect(alive(stranger.pid as number)).toBe(true);
    await next.close();
  });

  test('leaves the shards of another node of this machine alone', async () => {
    const owned = await owner('neighbour', { mode: 'plain', leaseMs: 60_000 });
    const folder = mkdtempSync(join(tmpdir(), 'village-beside-'));
    const other = runnerIn(folder);
    expect(await other.sweep()).toBe(0);
    expect(alive(owned.shard)).toBe(true);
    await other.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('acts on nothing when the list of the last run is no such list', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-garbled-'));
    mkdirSync(join(folder, 'run'), { recursive: true });
    writeFileSync(join(folder, 'run/shards.json'), '{"run":"","boot":"","groups":[{"pid":1,"start":"1"}]}');
    const next = runnerIn(folder);
    expect(await next.sweep()).toBe(0);
    await next.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

describe('enforcement', () => {
  test('is claimed only where it was tried and worked', async () => {
    const found = await runnerIn(tmpdir()).enforcement();
    const unified = (() => {
      try {
        return readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('memory');
      } catch {
        return false;
      }
    })();
    // Without cgroup v2 controllers the strongest tier is untested on this machine, and must not be advertised.
    if (!unified) expect(found.tier).not.toBe('cgroup');
    if (found.tier !== 'cgroup') expect(found.missing.join()).toContain('cgroup');
    expect(found.memoryMargin).toBe(found.tier === 'cgroup' ? 0 : 250);
  });
});
