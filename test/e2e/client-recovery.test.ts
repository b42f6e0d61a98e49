import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClientError, VillageClient } from '../../node/client/index.ts';
import { type CuttingProxy, cuttingProxy } from '../support/cutting-proxy.ts';
import { timesRan } from '../support/counted-calls.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT } from '../support/process-node.ts';
import { until } from '../support/until.ts';

const COUNTING = join(ROOT, 'test/fixtures/servers/counting.mjs');
const portOf = ({ ready }: ProcessNode): number => Number(new URL(ready.gateway).port);

afterAll(cleanUp);

describe('a call whose answer is lost', () => {
  let node: ProcessNode;
  let proxy: CuttingProxy;
  let file: string;
  let url: string;

  beforeAll(async () => {
    const data = dataFolder('lost');
    file = join(data, 'ran');
    const counting = { command: process.execPath, args: [COUNTING, file] };
    node = await ProcessNode.start({ data, config: { mcpServers: { counting }, allowedHosts: ['village.test'] } });
    await until(async () => (await node.cli(['tools', 'list'])).stdout.includes('counting__wait'), {
      timeoutMs: 10_000,
    });
    proxy = await cuttingProxy(portOf(node));
    // The node knows itself by its own port alone.
    await node.stop();
    const allowedHosts = [`127.0.0.1:${proxy.port}`];
    const port = portOf(node);
    node = await ProcessNode.start({
      data,
      config: { mcpServers: { counting }, allowedHosts },
      args: ['--gateway', `127.0.0.1:${port}`],
    });
    await until(async () => (await node.cli(['tools', 'list'])).stdout.includes('counting__wait'), {
      timeoutMs: 10_000,
    });
    url = `http://127.0.0.1:${proxy.port}/mcp`;
  }, 60_000);
  afterAll(() => proxy[Symbol.dispose]());

  const ran = (id: string) => timesRan(file, id);
  const client = () => VillageClient.connect({ url, token: () => node.token(), era: 'session' });

  test('is not made again when nobody said that this is safe', async () => {
    await using village = await client();
    const call = village.call('counting__wait', { id: 'plain', ms: 300 }).catch((error: unknown) => error);
    await until(() => ran('plain') === 1);
    proxy.cut();
    expect(await call).toMatchObject({ name: 'ClientError', code: 'OUTCOME_UNKNOWN', notStarted: false });
    await village.call('counting__add', { id: 'after' });
    expect(ran('plain')).toBe(1);
  });

  test('is made again when the caller vouches for it', async () => {
    await using village = await client();
    const call = village.call('counting__wait', { id: 'vouched', ms: 300 }, { idempotent: true });
    await until(() => ran('vouched') === 1);
    proxy.cut();
    expect((await call).content).toEqual([{ type: 'text', text: 'vouched' }]);
    expect(ran('vouched')).toBe(2);
  });

  test('is asked for again by its key, and runs once', async () => {
    await using village = await client();
    const call = village.call('counting__wait', { id: 'keyed', ms: 300 }, { idempotencyKey: 'call-1' });
    await until(() => ran('keyed') === 1);
    proxy.cut();
    expect((await call).content).toEqual([{ type: 'text', text: 'keyed' }]);
    expect(ran('keyed')).toBe(1);
  });

  test('has a key that can be one', async () => {
    await using village = await client();
    for (const idempotencyKey of ['', 'x'.repeat(129)]) {
      const refused = village.call('counting__add', { id: 'bad' }, { idempotencyKey });
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_PARAMS', notStarted: true });
    }
    expect(ran('bad')).toBe(0);
  });
});

describe.each(['session', 'stateless'] as const)('a client of a node that restarts (%s)', (era) => {
  test('goes on, and hears of the tools again without asking', async () => {
    const data = dataFolder('restarts');
    const counting = { command: process.execPath, args: [COUNTING, join(data, 'ran')] };
    const first = await ProcessNode.start({ data });
    const port = portOf(first);
    const token = () => current.token();
    let current = first;
    await using village = await VillageClient.connect({ url: first.ready.gateway, token, era, retries: 10 });
    await village.call('mesh_ping');
    const heard = new Set<string>();
    village.onTools((tools) => {
      for (const { name } of tools) heard.add(name);
    });
    await first.stop();
    const down: unknown = await village.call('mesh_ping', {}, { timeoutMs: 300 }).catch((error: unknown) => error);
    expect(down).toBeInstanceOf(ClientError);
    expect(down).toMatchObject({ notStarted: true });
    const args = ['--gateway', `127.0.0.1:${port}`];
    current = await ProcessNode.start({ data, args, config: { mcpServers: { counting } } });
    await until(() => heard.has('counting__add'), { timeoutMs: 15_000 });
    expect((await village.call('mesh_ping')).structuredContent).toMatchObject({ node_id: first.ready.node_id });
    await current.stop();
  }, 60_000);
});

describe('a client whose token or pace is refused', () => {
  let node: ProcessNode;
  beforeAll(async () => {
    node = await ProcessNode.start({ name: 'paced', config: { limits: { perAgentPerMinute: 30 } } });
  }, 30_000);

  test('comes again when it was told to, and says when where there is no time for that', async () => {
    await using village = await VillageClient.connect({ url: node.ready.gateway, token: () => node.token() });
    const hasty = { timeoutMs: 200 };
    let refused: unknown;
    await until(async () => {
      refused = await village.call('mesh_ping', {}, hasty).then(
        () => undefined,
        (error: unknown) => error,
      );
      return refused !== undefined;
    });
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', notStarted: true, retryAfterMs: expect.any(Number) });
    const startedAt = performance.now();
    await village.call('mesh_ping');
    expect(performance.now() - startedAt).toBeGreaterThan(500);
  }, 30_000);

  test('asks for another token when the one it has ends or is taken back in the middle of its session', async () => {
    const given: string[] = [];
    const token = async () => {
      given.push(await node.token('local', given.length === 0 ? [] : ['--ttl', '10m']));
      return given.at(-1) ?? '';
    };
    await using village = await VillageClient.connect({ url: node.ready.gateway, token, era: 'session', retries: 5 });
    await village.call('mesh_ping');
    expect(given).toHaveLength(1);
    const { jti } = JSON.parse(Buffer.from(given[0]?.split('.')[1] ?? '', 'base64url').toString());
    expect((await node.cli(['revoke', 'token', jti])).code).toBe(0);
    await village.call('mesh_ping');
    expect(given).toHaveLength(2);
  }, 40_000);

  test('with nothing but a token that has ended is told so, once', async () => {
    const token = await node.token('local', ['--ttl', '1s']);
    await using village = await VillageClient.connect({ url: node.ready.gateway, token, era: 'session' });
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    await until(() => Date.now() > (exp + 1) * 1000, { timeoutMs: 70_000 });
    await expect(village.call('mesh_ping')).rejects.toMatchObject({ code: 'UNAUTHENTICATED', notStarted: true });
  }, 90_000);
});
