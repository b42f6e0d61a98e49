import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EVERYTHING, MEMORY } from '../support/agents.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, village } from '../support/process-node.ts';
import { until } from '../support/until.ts';

interface Status {
  readonly servers_healthy: number;
  readonly servers_hosted: number;
  readonly warnings: readonly string[];
}

afterAll(cleanUp);

/** What the published command tells Node, as its first line says. */
function ownFlags(): string[] {
  const [first = ''] = readFileSync(join(ROOT, 'node', 'main.ts'), 'utf8').split('\n');
  return first.split(' ').filter((word) => word.startsWith('--'));
}

const statusOf = (node: ProcessNode) => node.json<Status>(['status']);

function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** Processor time that the process has used, milliseconds. The kernel counts in hundredths of a second. */
function usedMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/** The share of one processor that the process takes for `ms`. */
async function share(pid: number, ms: number): Promise<number> {
  const [begun, before] = [performance.now(), usedMs(pid)];
  await until(() => performance.now() - begun >= ms, { timeoutMs: ms + 1_000, intervalMs: 100 });
  return (usedMs(pid) - before) / (performance.now() - begun);
}

describe.skipIf(process.platform !== 'linux')('a node that hosts two servers and has nothing to do', () => {
  test('is ready within 2 s, takes under 200 MiB and under 2 % of a processor', async () => {
    const servers = {
      everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
      memory: { command: process.execPath, args: [MEMORY], env: { MEMORY_FILE_PATH: '/dev/null' } },
    };
    expect(ownFlags()).toHaveLength(1);
    const node = await ProcessNode.start({ config: { mcpServers: servers }, nodeArgs: ownFlags() });
    expect(node.ready.started_ms).toBeLessThan(2_000);
    const { pid } = node.ready;
    const healthy = async () => {
      const { servers_healthy: up, servers_hosted: all } = await statusOf(node);
      return up === all && all >= 3;
    };
    await until(healthy, { timeoutMs: 15_000 });
    // What the start and our own questions left to do is done within the first of these at the latest.
    const settled = await until(
      async () => {
        const taken = await share(pid, 3_000);
        return taken < 0.02 && { taken };
      },
      { timeoutMs: 20_000, what: 'three seconds with under 2 % of a processor' },
    );
    expect(settled.taken).toBeLessThan(0.02);
    expect(residentMiB(pid)).toBeLessThan(200);
    expect(await node.stop()).toBe(0);
  });

  test('is started by npm as it starts itself', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<'start' | 'village', string>;
    };
    for (const flag of ownFlags()) expect([scripts.start, scripts.village].join('\n').split(flag)).toHaveLength(3);
  });
});

test('a configuration changed under a running node is followed as far as that goes, and the rest is named', async () => {
  const data = dataFolder('reload');
  const file = join(data, 'village.json');
  const node = await ProcessNode.start({ data, config: { log: { format: 'json' } } });
  const token = await node.token();
  const post = async () => {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'ping',
      params: { _meta: { long: 'x'.repeat(200) } },
    });
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    };
    const answer = await fetch(node.ready.gateway, { method: 'POST', headers, body });
    await answer.body?.cancel();
    return answer.status;
  };
  expect(await post()).not.toBe(413);
  expect(node.log).not.toContain('audit.flushed');

  writeFileSync(
    file,
    JSON.stringify({
      limits: { maxBodyBytes: 100 },
      log: { format: 'json', level: 'debug' },
      allowedHosts: ['a.example'],
    }),
  );
  await until(async () => (await post()) === 413, { timeoutMs: 5_000 });
  const named = (warnings: readonly string[]) => warnings.filter((warning) => warning.includes('after a restart'));
  expect(named((await statusOf(node)).warnings)).toEqual([
    `${file}: \`allowedHosts\` changed: in force after a restart`,
  ]);
  const line = await until(() => node.log.split('\n').find((one) => one.includes('config.reloaded')));
  expect(JSON.parse(line)).toMatchObject({
    applied: ['log.level', 'limits.maxBodyBytes'],
    wantsRestart: ['allowedHosts'],
  });
  await node.token();
  await until(() => node.log.includes('"level":"debug"'), { what: 'a line that only debug shows' });

  writeFileSync(file, '{}');
  await until(async () => (await post()) !== 413, { timeoutMs: 5_000 });
  expect(named((await statusOf(node)).warnings)).toEqual([]);
  await node.stop();
});

test('a flag or an invite that is none is refused by its name, with 2', async () => {
  const data = dataFolder('mistakes');
  const flag = await village(data, ['up', '--gateway', 'nowhere']);
  expect([flag.code, flag.stderr]).toEqual([2, expect.stringMatching(/^CONFIG_INVALID: --gateway: HOST:PORT/)]);
  for (const args of [
    ['join', 'village-invite:xx'],
    ['up', '--join', 'no invite at all'],
  ]) {
    const refused = await village(data, args);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('INVITE_MALFORMED')]);
  }
});
