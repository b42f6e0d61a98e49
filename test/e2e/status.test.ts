import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Collector } from '../support/collector.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

interface Status {
  readonly troubles: readonly {
    readonly kind: string;
    readonly of?: string;
    readonly since?: string;
    readonly found: string;
    readonly means: string;
    readonly remedy: string;
    readonly note?: boolean;
  }[];
  readonly warnings: readonly string[];
}

const dies = { command: process.execPath, args: ['-e', 'console.error("no licence for this host"); process.exit(3)'] };

let collector: Collector;
let node: ProcessNode;
const trouble = async (kind: string): Promise<Status['troubles'][number] | undefined> =>
  (await node.json<Status>(['status'])).troubles.find((one) => one.kind === kind);

beforeAll(async () => {
  collector = await Collector.listen();
  // It takes requests and never answers them.
  collector.answer = () => undefined;
  node = await ProcessNode.start({
    name: 'troubled',
    config: { mcpServers: { licensed: dies }, telemetry: { otlp: { endpoint: collector.endpoint } } },
  });
}, 30_000);
afterAll(async () => {
  await cleanUp();
  await collector.close();
});

describe('status', () => {
  test('says of a server that is down what it last said, since when, what that means and what to do', async () => {
    const down = await until(() => trouble('server-down'), { timeoutMs: 15_000 });
    expect(down).toMatchObject({ of: 'licensed' });
    expect(down.found).toContain('no licence for this host');
    expect(Math.abs(Date.parse(down.since ?? '') - Date.now())).toBeLessThan(60_000);
    const { stdout, stderr, code } = await node.cli(['status']);
    expect(stdout).toMatch(/^audit +entries \d+, witnessed to \d+/m);
    expect(code).toBe(0);
    expect(stdout).toContain(node.ready.node_id);
    const lines = stderr.split('\n');
    const at = lines.findIndex((line) => line.startsWith('warning: server licensed is down: '));
    expect(lines[at + 1]?.trim()).toBe(down.means);
    expect(lines[at + 2]?.trim()).toBe(`→ ${down.remedy}`);
  });

  test('says that a village of one has no witness, and that this is no fault', async () => {
    await node.token();
    const alone = await until(() => trouble('audit-alone'), { timeoutMs: 10_000 });
    expect(alone.note).toBe(true);
    const { warnings } = await node.json<Status>(['status']);
    expect(warnings.join()).not.toContain(alone.found);
    expect((await node.cli(['status'])).stderr).toContain(`note: ${alone.found}`);
  });

  test('says that a changed configuration cannot be used, until it can', async () => {
    const file = join(node.data, 'village.json');
    writeFileSync(file, '{"log": {"areas": {"frog": "debug"}}}');
    const unusable = await until(() => trouble('config-unusable'), { timeoutMs: 10_000 });
    expect(unusable.found).toContain('unknown key `frog`');
    writeFileSync(file, JSON.stringify({ log: { areas: { gateway: 'debug' } }, mcpServers: { licensed: dies } }));
    await until(async () => (await trouble('config-unusable')) === undefined, { timeoutMs: 10_000 });
  });
});

test('the log follows the levels of its areas without a restart', async () => {
  const file = join(node.data, 'village.json');
  const log = { format: 'json', areas: { router: 'debug', servers: 'error' } };
  writeFileSync(file, JSON.stringify({ log, mcpServers: { licensed: dies } }));
  await until(() => node.log.split('\n').some((line) => line.startsWith('{') && line.includes('"config.reloaded"')));
  await node.cli(['tools', 'call', 'mesh_ping', '--args', '{}']);
  const done = await until(() => node.log.split('\n').find((line) => line.includes('"event":"call.done"')));
  const line = JSON.parse(done) as Record<string, unknown>;
  expect(line).toMatchObject({ level: 'debug', area: 'router', outcome: 'ok' });
  // It is traced, for the ratio is 1: log and trace name the same.
  expect(line['trace_id']).toMatch(/^[0-9a-f]{32}$/);
  expect(line['span_id']).toMatch(/^[0-9a-f]{16}$/);
});

test('a collector that hangs holds up neither calls nor the end of the node', async () => {
  await until(() => collector.received.length > 0, { timeoutMs: 10_000 });
  const ping = await node.cli(['tools', 'call', 'mesh_ping', '--args', '{}', '--timeout', '2s']);
  expect(ping.code).toBe(0);
  const failing = await until(() => trouble('telemetry-failing'), { timeoutMs: 15_000 });
  expect(failing.found).toContain('no answer within');
  const began = performance.now();
  expect(await node.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
});
