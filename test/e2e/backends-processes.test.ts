import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LocalHosting } from '../../node/backends/index.ts';
import { ServerConfig } from '../../node/config/schema.ts';
import { alive, callTool, gone, healthy, host, tiny } from '../support/hosting.ts';

const HOST_ALONE = join(import.meta.dirname, '../fixtures/host-alone.ts');

/** Pids whose environment carries the mark of this run, read by this test's own code. */
function marked(run: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return readFileSync(`/proc/${entry}/environ`, 'utf8')
          .split('\0')
          .some((line) => line.startsWith(`VILLAGE_CHILD=${run}.`));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The pid of the guard of a run. */
function guardOf(run: string): number | undefined {
  const found = readdirSync('/proc').filter((entry) => {
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      return words.includes('village-guard') && words.includes(run);
    } catch {
      return false;
    }
  });
  return found[0] === undefined ? undefined : Number(found[0]);
}

function runOf(folder: string): string {
  return JSON.parse(readFileSync(join(folder, 'run/children.json'), 'utf8')).run;
}

describe.skipIf(process.platform !== 'linux')('no process outlives', () => {
  test('the stop of its server, be it stubborn, a grandchild, or in a session of its own', async () => {
    const hosted = await host({ a: tiny('stubborn') });
    const server = await hosted.until('a', healthy);
    const near = Number((await callTool(server, 'grandchild', { bare: true })).text);
    const far = Number((await callTool(server, 'grandchild', { detached: true })).text);
    const own = server.state().pid as number;
    expect([own, near, far].map(alive)).toEqual([true, true, true]);
    await hosted[Symbol.asyncDispose]();
    expect([own, near, far].map(alive)).toEqual([false, false, false]);
  });

  test('the crash of its server', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    const near = Number((await callTool(server, 'grandchild', { bare: true })).text);
    const far = Number((await callTool(server, 'grandchild', { detached: true })).text);
    await callTool(server, 'crash');
    await gone([near, far]);
  });

  test('a hosting that stopped: guard and list are gone too', async () => {
    const hosted = await host({ a: tiny('plain') });
    await hosted.until('a', healthy);
    const run = runOf(hosted.folder);
    const guard = guardOf(run) as number;
    expect(alive(guard)).toBe(true);
    await hosted.hosting.stop();
    await gone([guard]);
    expect(marked(run)).toEqual([]);
    expect(readdirSync(join(hosted.folder, 'run'))).toEqual([]);
    rmSync(hosted.folder, { recursive: true });
  });
});

describe.skipIf(process.platform !== 'linux')('when the node is killed by SIGKILL', () => {
  /** A folder of its own, and what is started with `run` is killed at the end whatever happens. */
  function scene() {
    const folder = mkdtempSync(join(tmpdir(), 'village-killed-'));
    let node: ChildProcess | undefined;
    return {
      folder,
      kill: () => node?.kill('SIGKILL'),
      exited: () => once(node as ChildProcess, 'exit'),
      /** Starts a node that hosts stubborn servers: pids of one, its child, and a child in a session of its own. */
      run: async (): Promise<number[]> => {
        node = spawn(process.execPath, [HOST_ALONE, folder, 'serving'], { stdio: ['ignore', 'pipe', 'inherit'] });
        const lines = createInterface({ input: node.stdout as NodeJS.ReadableStream });
        const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(15_000) })) as [string];
        return JSON.parse(line);
      },
      [Symbol.dispose]: () => {
        node?.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }

  function hostingIn(folder: string): LocalHosting {
    return new LocalHosting({
      nodeId: 'this-node',
      roles: [],
      servers: {},
      dataDir: folder,
      reporter: { report: () => undefined },
      environment: {},
    });
  }

  test.concurrent('its guard ends every child, stubborn ones and their children too', async ({ expect }) => {
    using killed = scene();
    const pids = await killed.run();
    expect(pids.map(alive)).toEqual([true, true, true]);
    killed.kill();
    await gone(pids);
    await gone(marked(runOf(killed.folder)));
  });

  test.concurrent('and its guard with it, the next start ends what was left', async ({ expect }) => {
    using killed = scene();
    const pids = await killed.run();
    process.kill(guardOf(runOf(killed.folder)) as number, 'SIGKILL');
    killed.kill();
    await killed.exited();
    expect(pids.map(alive)).toEqual([true, true, true]);
    const next = hostingIn(killed.folder);
    await next.start();
    await gone(pids);
    await next.stop();
  });

  test.concurrent('a guard that was killed before is replaced', async () => {
    using killed = scene();
    const pids = await killed.run();
    const run = runOf(killed.folder);
    const first = guardOf(run) as number;
    process.kill(first, 'SIGKILL');
    const deadline = performance.now() + 5_000;
    const replaced = (): boolean => ![undefined, first].includes(guardOf(run));
    while (!replaced() && performance.now() < deadline) await delay(20);
    killed.kill();
    await gone(pids);
  });

  test.concurrent.each([0, 5, 20, 80])('%i ms after its start, nothing of it stays', async (ms) => {
    using killed = scene();
    const { folder } = killed;
    const starting = spawn(process.execPath, [HOST_ALONE, folder, 'starting', String(ms)], { stdio: 'ignore' });
    const [, signal] = await once(starting, 'exit');
    if (signal !== 'SIGKILL') throw new Error(`it ended otherwise: ${signal}`);
    await gone([...marked(runOf(folder)), guardOf(runOf(folder)) ?? 0]);
    await gone(marked(runOf(folder)));
  });

  test.concurrent('a stranger who got the pid of a child that ended is left alone', async ({ expect }) => {
    using killed = scene();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => 1, 1000)'], { detached: true, stdio: 'ignore' });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const groups = [{ pid: stranger.pid, start: '1' }];
    mkdirSync(join(killed.folder, 'run'));
    writeFileSync(join(killed.folder, 'run/children.json'), JSON.stringify({ run: 'ab'.repeat(12), boot, groups }));
    const next = hostingIn(killed.folder);
    await next.start();
    expect(alive(stranger.pid as number)).toBe(true);
    stranger.kill('SIGKILL');
    await next.stop();
  });
});

describe('while the node runs', () => {
  test('a changed configuration restarts what changed, stops what is gone, starts what is new, and touches nothing else', async () => {
    await using hosted = await host({ same: tiny('plain'), changed: tiny('plain'), gone: tiny('plain') });
    for (const alias of ['same', 'changed', 'gone']) await hosted.until(alias, healthy);
    const pid = (alias: string): number => hosted.server(alias).state().pid as number;
    const before = { same: pid('same'), changed: pid('changed'), gone: pid('gone') };
    const held = callTool(hosted.server('same'), 'slow', { ms: 300, name: 'held' });
    await hosted.hosting.reconfigure({
      same: tiny('plain'),
      changed: tiny('plain', { tools: ['echo'] }),
      fresh: tiny('plain'),
    });
    await hosted.until('changed', healthy);
    await hosted.until('fresh', healthy);
    expect(
      hosted.hosting
        .servers()
        .map((server) => server.alias)
        .sort(),
    ).toEqual(['changed', 'fresh', 'same']);
    expect(pid('same')).toBe(before.same);
    expect([before.changed, before.gone].map(alive)).toEqual([false, false]);
    expect(
      hosted
        .server('changed')
        .definition()
        ?.tools.map((tool) => tool.name),
    ).toEqual(['echo']);
    expect((await callTool(hosted.server('changed'), 'pid')).error.code).toBe(-32602);
    expect((await held).text).toBe('held');
  });

  test('a server that is disabled is known and not started', async () => {
    await using hosted = await host({ a: tiny('plain', { disabled: true }), b: tiny('plain', { enabled: false }) });
    expect(hosted.server('a').state().state).toBe('disabled');
    expect(hosted.server('b').state().state).toBe('disabled');
    expect((await callTool(hosted.server('a'), 'echo')).error.data.code).toBe('NO_HEALTHY_SERVER');
  });

  test('a burst of list_changed becomes a new definition, told in few words', async () => {
    await using hosted = await host({ a: tiny('plain') });
    const server = await hosted.until('a', healthy);
    let told = 0;
    hosted.hosting.onChange(() => told++);
    await callTool(server, 'grow');
    await hosted.until('a', (one) => one.definition()?.tools.length === 14);
    expect(server.definition()?.tools.at(-1)?.name).toBe('grown13');
    expect(told).toBeLessThanOrEqual(2);
    expect(Number((await callTool(server, 'listed')).text)).toBe(2);
  });

  test('per-agent servers give each agent a process of its own', async () => {
    await using hosted = await host({ a: tiny('plain', { instances: 'per-agent' }) });
    const server = await hosted.until('a', healthy);
    const pids = await Promise.all(
      ['ann', 'bob', 'ann'].map(async (agent) => (await callTool(server, 'pid', {}, { agent })).text),
    );
    expect(pids[0]).toBe(pids[2]);
    expect(pids[0]).not.toBe(pids[1]);
  });

  test('standard error reaches the events and never our own output, however much of it there is', async () => {
    await using hosted = await host({ a: tiny('flood') });
    const server = await hosted.until('a', healthy);
    await callTool(server, 'slow', { ms: 300 });
    const lines = hosted.reported.filter((event) => event.name === 'server.output');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(160);
  });

  test('the reference servers serve', async () => {
    const memory = ServerConfig.parse({ command: 'mcp-server-memory', env: { MEMORY_FILE_PATH: '/dev/null' } });
    const everything = ServerConfig.parse({ command: 'mcp-server-everything', args: ['stdio'] });
    const path = `${join(import.meta.dirname, '../../node_modules/.bin')}:${process.env['PATH']}`;
    await using hosted = await host({ everything, memory }, { ...process.env, PATH: path });
    const server = await hosted.until('everything', healthy);
    expect((await callTool(server, 'get-sum', { a: 1, b: 2 })).text).toContain('3');
    expect(server.definition()?.serverInfo.name).toContain('everything');
    expect(server.definition()?.resources.length).toBeGreaterThan(0);
    expect(server.definition()?.prompts.length).toBeGreaterThan(0);
    await hosted.until('memory', healthy);
    expect((await callTool(hosted.server('memory'), 'read_graph')).reply.outcome).toBe('ok');
  });
});
