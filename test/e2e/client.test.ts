import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClientError, VillageClient } from '../../node/client/index.ts';
import { EVERYTHING } from '../support/agents.ts';
import { cleanUp, ProcessNode } from '../support/process-node.ts';
import { until } from '../support/until.ts';

let node: ProcessNode;
const asked: string[] = [];

beforeAll(async () => {
  node = await ProcessNode.start({
    name: 'client',
    config: { mcpServers: { everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] } } },
  });
  await until(async () => (await node.cli(['tools', 'list'])).stdout.includes('everything__echo'), {
    timeoutMs: 10_000,
  });
}, 30_000);
afterAll(cleanUp);

const token = async (): Promise<string> => {
  asked.push('asked');
  return node.token();
};
const connect = (era: 'auto' | 'session' | 'stateless') =>
  VillageClient.connect({ url: node.ready.gateway, token, era });

describe.each(['auto', 'session', 'stateless'] as const)('a VillageClient (%s)', (era) => {
  test('lists, describes, calls, reads and prompts', async () => {
    await using client = await connect(era);
    expect((await client.tools()).map(({ name }) => name)).toContain('everything__echo');
    expect((await client.describe('everything__get-sum')).inputSchema.required).toEqual(['a', 'b']);
    const sum = await client.call('everything__get-sum', { a: 20, b: 22 });
    expect(JSON.stringify(sum.content)).toContain('42');
    const read = await client.read('demo://resource/static/document/architecture.md');
    expect(read.contents).toHaveLength(1);
    expect((await client.prompt('everything__simple-prompt')).messages.length).toBeGreaterThan(0);
  });

  test('refuses arguments that do not fit before anything is sent', async () => {
    await using client = await connect(era);
    const refused = client.call('everything__get-sum', { a: 'twenty', b: 22 });
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENTS', notStarted: true });
    await expect(client.call('everything__no_such_tool')).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' });
  });

  test('tells progress, and ends a call that its caller cancels', async () => {
    await using client = await connect(era);
    const steps: number[] = [];
    await client.call(
      'everything__trigger-long-running-operation',
      { duration: 0.3, steps: 3 },
      { onProgress: ({ progress }) => steps.push(progress) },
    );
    expect(steps.length).toBeGreaterThan(0);
    const cancelling = new AbortController();
    const slow = client.call(
      'everything__trigger-long-running-operation',
      { duration: 20, steps: 20 },
      { signal: cancelling.signal, onProgress: () => cancelling.abort() },
    );
    await expect(slow).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a VillageClient', () => {
  test('asks for a token once, and not on each request where it lives for less than a minute', async () => {
    asked.length = 0;
    await using client = await connect('stateless');
    await client.call('mesh_ping');
    await client.call('mesh_ping');
    expect(asked).toHaveLength(1);
    const short = async (): Promise<string> => {
      asked.push('short');
      return node.token('local', ['--ttl', '30s']);
    };
    asked.length = 0;
    await using hasty = await VillageClient.connect({ url: node.ready.gateway, token: short, era: 'stateless' });
    await hasty.call('mesh_ping');
    expect(asked).toHaveLength(1);
  });

  test('says that its token was refused, having asked for another one once', async () => {
    let given = 0;
    const bad = async (): Promise<string> => `not.a.token${++given}`;
    const refused: unknown = await VillageClient.connect({ url: node.ready.gateway, token: bad, era: 'session' }).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(ClientError);
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', notStarted: true });
    expect(given).toBe(2);
  });

  test('hears of new tools', async () => {
    await using client = await connect('session');
    const heard: string[] = [];
    await client.tools();
    client.onTools((tools) => heard.push(...tools.map(({ name }) => name)));
    const { writeFileSync } = await import('node:fs');
    const second = { command: process.execPath, args: [EVERYTHING, 'stdio'] };
    const file = `${node.data}/village.json`;
    writeFileSync(file, JSON.stringify({ mcpServers: { everything: second, other: second } }));
    await until(() => heard.includes('other__echo'), { timeoutMs: 10_000 });
  });
});
