import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  boottimeMs,
  type EndReason,
  type RunningShard,
  ShardRunner,
  type ShardStart,
} from '../../node/fog/runner/index.ts';
import { HostedRole } from '../../node/backends/hosted-role.ts';
import { AgentInput, agentRole } from '../../node/fog/worker/agent-role.ts';
import { callTool } from '../support/hosting.ts';
import { guardsOf, nothingLeftOf, processesOf, shardStart } from '../support/shards.ts';
import { until } from '../support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-runner-'));
const runner = new ShardRunner({
  nodeId: 'this-node',
  dataDir: folder,
  reporter: { report: () => undefined },
  environment: process.env,
});

afterAll(async () => {
  await runner.close();
  expect(guardsOf(process.pid)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a shard and, when the test is over, sees that none of its processes is left. */
async function started(mode: string, more: Partial<ShardStart> = {}): Promise<RunningShard> {
  const start = shardStart(mode, more);
  onTestFinished(async () => {
    await nothingLeftOf(start.placementId);
  });
  const shard = await runner.start(start);
  onTestFinished(async () => {
    await shard.stop('stopped', { graceMs: 0 });
  });
  return shard;
}

const within = async (shard: RunningShard, ms = 15_000): Promise<EndReason> =>
  until(async () => shard.exited, { timeoutMs: ms, what: 'the end of the shard' });

describe.skipIf(process.platform !== 'linux')('a shard', () => {
  test('is a server of this node: it answers calls over its standard streams', async () => {
    const shard = await started('plain');
    expect(await shard.ready).toBe(true);
    expect(shard.server.definition()?.tools.map((tool) => tool.name)).toContain('echo');
    expect((await callTool(shard.server, 'echo', { text: 'hello' })).text).toBe('hello');
    expect(processesOf(shard.placementId)).toEqual([shard.pid]);
  });

  test('reads slot, epoch and input as it was given them, and no secret of the node', async () => {
    const shard = await started('plain', { slot: 'd/0', epoch: 7, input: { state: 'kept' } });
    await shard.ready;
    const env = async (name: string) => (await callTool(shard.server, 'env', { name })).text;
    expect(await env('FOG_SLOT')).toBe('d/0');
    expect(await env('FOG_EPOCH')).toBe('7');
    expect(JSON.parse(readFileSync(await env('FOG_INPUT'), 'utf8'))).toEqual({ state: 'kept' });
    expect(await env('VITEST')).toBe('');
  });

  test('holds no descriptor of its guard, so that nobody but the node keeps it', async () => {
    const shard = await started('plain');
    await shard.ready;
    const sockets = readFileSync(`/proc/${shard.pid}/cmdline`, 'latin1');
    expect(sockets).toContain('shard.mjs');
    const { readdirSync, readlinkSync } = await import('node:fs');
    const held = readdirSync(`/proc/${shard.pid}/fd`)
      .map((fd) => readlinkSync(`/proc/${shard.pid}/fd/${fd}`))
      .filter((target) => target.startsWith('socket:'));
    expect(held).toHaveLength(3);
  });

  test('that ends by itself tells its exit code', async () => {
    const shard = await started('plain');
    await shard.ready;
    await callTool(shard.server, 'quit', { code: 5 });
    expect(await within(shard)).toEqual({ kind: 'exit', code: 5 });
    await until(() => shard.server.state().state === 'down');
  });

  test('that is killed from outside tells the signal', async () => {
    const shard = await started('plain');
    await shard.ready;
    process.kill(shard.pid as number, 'SIGKILL');
    expect(await within(shard)).toEqual({ kind: 'signal', signal: 'SIGKILL' });
  });

  test.each(['stopped', 'preempted', 'drained'] as const)('that is asked to end tells why: %s', async (cause) => {
    const shard = await started('plain');
    await shard.ready;
    expect(await shard.stop(cause, { graceMs: 5_000 })).toMatchObject({ kind: cause });
  });

  test('that ignores SIGTERM is killed when its grace is over, and counts as running until then', async () => {
    const shard = await started('stubborn');
    await shard.ready;
    let over = false;
    void shard.exited.then(() => (over = true));
    const from = performance.now();
    const stopping = shard.stop('drained', { graceMs: 700 });
    await until(() => performance.now() - from > 400);
    expect(over).toBe(false);
    expect(processesOf(shard.placementId)).toEqual([shard.pid]);
    expect(await stopping).toEqual({ kind: 'drained', signal: 'SIGKILL' });
    expect(performance.now() - from).toBeGreaterThan(600);
  });

  test('takes with it what it started behind a shell, in a session of its own', async () => {
    const shard = await started('grandchild');
    await shard.ready;
    await until(() => processesOf(shard.placementId).length >= 3, { what: 'its grandchild' });
    process.kill(shard.pid as number, 'SIGKILL');
    expect(await within(shard)).toEqual({ kind: 'signal', signal: 'SIGKILL' });
    expect(processesOf(shard.placementId)).toEqual([]);
  });

  test('that never answers is ended when its time to start is over', async () => {
    const shard = await started('mute', { startTimeoutMs: 800 });
    expect(await shard.ready).toBe(false);
    expect(await within(shard)).toEqual({ kind: 'start-timeout' });
  });

  test('that ends before it answers is not ready, and tells its exit code', async () => {
    const shard = await started('exit');
    expect(await shard.ready).toBe(false);
    expect(await within(shard)).toEqual({ kind: 'exit', code: 3 });
  });

  test('whose program does not exist does not start, and leaves nothing', async () => {
    const start = shardStart('plain', { program: { kind: 'process', command: 'no-such-program', args: [], env: {} } });
    await expect(runner.start(start)).rejects.toMatchObject({ code: 'RUNNER_NO_PROGRAM' });
    expect(processesOf(start.placementId)).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('a lease', () => {
  /** What of it is alive at the first look after the instant at which it may not be. */
  async function aliveAfter(instantMs: number, shard: RunningShard): Promise<number[]> {
    await until(() => boottimeMs() >= instantMs, { timeoutMs: 20_000, what: 'the lease is over' });
    return processesOf(shard.placementId);
  }

  test('that nobody renews ends the shard before it is over, stubborn or not', async () => {
    const endMs = boottimeMs() + 2_500;
    const shard = await started('stubborn', { leaseUntilMs: endMs });
    expect(await shard.ready).toBe(true);
    expect(await aliveAfter(endMs, shard)).toEqual([]);
    expect(await within(shard)).toEqual({ kind: 'lease' });
  });

  test('that is renewed keeps it, until the renewals end', async () => {
    const firstMs = boottimeMs() + 2_500;
    const shard = await started('plain', { leaseUntilMs: firstMs });
    await shard.ready;
    shard.renewLease(firstMs + 2_000);
    shard.renewLease(firstMs - 500);
    expect(await aliveAfter(firstMs, shard)).toEqual([shard.pid]);
    expect((await callTool(shard.server, 'echo', { text: 'still here' })).text).toBe('still here');
    expect(await aliveAfter(firstMs + 2_000, shard)).toEqual([]);
    expect(await within(shard)).toEqual({ kind: 'lease' });
  });

  test('that is over stays over, whatever comes late', async () => {
    const endMs = boottimeMs() + 1_500;
    const shard = await started('stubborn', { leaseUntilMs: endMs });
    await until(() => boottimeMs() >= endMs - 400, { what: 'its end has begun' });
    shard.renewLease(endMs + 60_000);
    expect(await aliveAfter(endMs, shard)).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('memory', () => {
  test('taken by Buffers, which no heap limit sees, ends the shard at its limit', async () => {
    const shard = await started('plain', { resources: { cpuMilli: 1000, memMib: 192 } });
    await shard.ready;
    await callTool(shard.server, 'hog', { kind: 'buffers' });
    expect(await within(shard)).toEqual({ kind: 'oom', by: 'limit' });
  });

  test('taken by one array ends the shard, by its own heap limit or by its guard', async () => {
    const shard = await started('plain', { resources: { cpuMilli: 1000, memMib: 192 } });
    await shard.ready;
    await callTool(shard.server, 'hog', { kind: 'array' });
    expect((await within(shard, 30_000)).kind).toBe('oom');
  });

  test('that runs out in its own heap is told as such, not as the signal it ends by', async () => {
    // The guard's limit is far; the heap flag, a share of it, is made near by the program's own options.
    const program = {
      kind: 'process',
      command: process.execPath,
      args: ['--max-old-space-size=48', ...args('plain')],
      env: {},
    };
    const shard = await started('plain', {
      program: program as ShardStart['program'],
      resources: { cpuMilli: 1000, memMib: 2048 },
    });
    await shard.ready;
    await callTool(shard.server, 'hog', { kind: 'array' });
    expect(await within(shard, 30_000)).toEqual({ kind: 'oom', by: 'heap' });
  });

  test('and CPU time of all its processes are counted', async () => {
    const shard = await started('plain');
    await shard.ready;
    // The first look may come before the program itself has begun.
    const usage = await until(() => ((shard.usage()?.memMib ?? 0) > 20 ? shard.usage() : undefined));
    expect(usage.processes).toBe(1);
    expect(usage.cpuMs).toBeGreaterThan(0);
  });
});

describe.skipIf(process.platform !== 'linux')('logs', () => {
  test('keep the newest MiB of what a shard prints, and say how much went', async () => {
    const shard = await started('plain');
    await shard.ready;
    const heard: string[] = [];
    shard.logs.follow((line) => heard.push(line));
    await callTool(shard.server, 'print', { lines: 3_000, width: 1_000 });
    await until(() => heard.length === 3_000);
    const { lines, dropped } = shard.logs.read();
    expect(lines.length + dropped).toBe(3_000);
    expect(lines.reduce((sum, line) => sum + line.length + 1, 0)).toBeLessThanOrEqual(1024 * 1024);
    expect(lines.length).toBeGreaterThan(1_000);
    expect(lines.at(-1)).toMatch(/x2999$/);
  });
});

describe('a role as a shard', () => {
  const role = (): HostedRole =>
    new HostedRole(agentRole({ input: AgentInput.parse({}), slot: null, epoch: null }), {
      wallMs: Date.now,
      reporter: { report: () => undefined },
    });
  const start = (leaseMs: number): Promise<RunningShard> =>
    runner.start(
      shardStart('plain', {
        program: { kind: 'role', open: role },
        leaseUntilMs: boottimeMs() + leaseMs,
      }),
    );

  test('answers in this process until it is stopped, and says that it has no process', async () => {
    const shard = await start(60_000);
    expect(await shard.ready).toBe(true);
    expect([shard.pid, shard.usage()]).toEqual([undefined, undefined]);
    expect((await callTool(shard.server, 'shard_status')).result.structuredContent.agent_type).toBe('agent');
    expect(await shard.stop('preempted', { graceMs: 0 })).toEqual({ kind: 'preempted' });
    expect(shard.server.state().state).toBe('down');
  });

  test('ends with its lease', async () => {
    const shard = await start(200);
    expect(await within(shard)).toEqual({ kind: 'lease' });
    expect(shard.server.state().state).toBe('down');
  });
});

describe('a start', () => {
  test.each(['', '..', '../x', 'a b', 'x'.repeat(129)])(
    'without a placement id is refused: %j',
    async (placementId) => {
      await expect(runner.start(shardStart('plain', { placementId }))).rejects.toMatchObject({
        code: 'RUNNER_INVALID',
      });
    },
  );

  test('of a placement that still runs is refused: each is one attempt', async () => {
    const shard = await started('plain');
    const again = shardStart('plain', { placementId: shard.placementId });
    await expect(runner.start(again)).rejects.toMatchObject({ code: 'RUNNER_INVALID' });
    await shard.ready;
    expect((await callTool(shard.server, 'echo', { text: 'untouched' })).text).toBe('untouched');
  });

  test('with more input than a shard may be given is refused', async () => {
    const start = shardStart('plain', { input: { text: 'x'.repeat(256 * 1024) } });
    await expect(runner.start(start)).rejects.toMatchObject({ code: 'RUNNER_INVALID' });
  });
});

function args(mode: string): readonly string[] {
  const { program } = shardStart(mode);
  return program.kind === 'process' ? program.args : [];
}
