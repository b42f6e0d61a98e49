import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClientError, VillageClient } from '../../node/client/index.ts';
import { ownCertificate } from '../../node/tls/own-certificate.ts';
import { cleanUp, dataFolder, ProcessNode, ROOT, run } from '../support/process-node.ts';

interface TlsReady {
  readonly gateway_pin: string;
}

const bridged = (data: string, messages: readonly object[]) =>
  run(process.execPath, [join(ROOT, 'node/main.ts'), 'connect', '--data', data], {
    input: messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join(''),
  });
const hello = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '0' } },
};
const ping = { id: 2, method: 'tools/call', params: { name: 'mesh_ping', arguments: {} } };
const loopback = ({ ready }: ProcessNode) => ready.gateway.replace('0.0.0.0', '127.0.0.1');

afterAll(cleanUp);

describe('a node whose gateway others can reach', () => {
  let node: ProcessNode;
  let pin: string;
  beforeAll(async () => {
    node = await ProcessNode.start({ name: 'tls', args: ['--gateway', '0.0.0.0:0'] });
    pin = (node.ready as unknown as TlsReady).gateway_pin;
  }, 30_000);

  test('speaks TLS without being told to, and says by which key it is known', async () => {
    expect(node.ready.gateway).toMatch(/^https:\/\/0\.0\.0\.0:\d+\/mcp$/);
    const status = await node.json<{ gateway_tls: { pin: string; not_after: string } }>(['status']);
    expect(status.gateway_tls.pin).toBe(pin);
    expect(Date.parse(status.gateway_tls.not_after)).toBeGreaterThan(Date.now() + 300 * 24 * 3_600_000);
    expect(JSON.parse(readFileSync(join(node.data, 'run.json'), 'utf8')).gateway_pin).toBe(pin);
  });

  test('is reached through the bridge of its data folder', async () => {
    const { stdout } = await bridged(node.data, [hello, ping]);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.find(({ id }) => id === 2)?.result.structuredContent.node_id).toBe(node.ready.node_id);
  });

  test('is reached by a VillageClient that knows its pin, or has its certificate', async () => {
    const token = () => node.token();
    await using pinned = await VillageClient.connect({ url: loopback(node), token, tls: { pin } });
    expect((await pinned.call('mesh_ping')).structuredContent).toMatchObject({ node_id: node.ready.node_id });
    const ca = readFileSync(join(node.data, 'keys/gateway-tls.crt'), 'utf8');
    await using named = await VillageClient.connect({ url: loopback(node), token, tls: { ca } });
    expect((await named.call('mesh_ping')).structuredContent).toMatchObject({ node_id: node.ready.node_id });
  });

  test('is not believed by who expects another key', async () => {
    const other = `sha256//${Buffer.alloc(32, 1).toString('base64')}`;
    const refused: unknown = await VillageClient.connect({
      url: loopback(node),
      token: 'any',
      tls: { pin: other },
    }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ClientError);
    expect(refused).toMatchObject({ code: 'UNTRUSTED', notStarted: true });
  });
});

test('a node told to stay plain stays plain, and one on loopback can be told to use TLS', async () => {
  const plain = await ProcessNode.start({
    name: 'plain',
    config: { insecureGatewayBind: true },
    args: ['--gateway', '0.0.0.0:0'],
  });
  expect(plain.ready.gateway).toMatch(/^http:/);
  expect(existsSync(join(plain.data, 'keys/gateway-tls.key'))).toBe(false);
  const secure = await ProcessNode.start({ name: 'secure', config: { gatewayTls: {} } });
  expect(secure.ready.gateway).toMatch(/^https:\/\/127\.0\.0\.1:/);
}, 40_000);

test('a node that wants client certificates serves its own bridge, and clients that have one', async () => {
  const data = dataFolder('mutual');
  const agent = ownCertificate({ path: join(data, 'agent'), use: 'client', names: [], nowMs: Date.now() });
  const node = await ProcessNode.start({ data, config: { gatewayTls: { clientCa: 'agent.crt' } } });
  const { stdout } = await bridged(data, [hello, ping]);
  expect(stdout).toContain(node.ready.node_id);
  const { gateway_pin: pin } = node.ready as unknown as TlsReady;
  const token = () => node.token();
  const { cert, key } = agent;
  await using client = await VillageClient.connect({ url: node.ready.gateway, token, tls: { pin, cert, key } });
  expect((await client.call('mesh_ping')).structuredContent).toMatchObject({ node_id: node.ready.node_id });
  // The node may hang up before its reason was read.
  await expect(VillageClient.connect({ url: node.ready.gateway, token, tls: { pin } })).rejects.toMatchObject({
    code: expect.stringMatching(/^(UNAUTHENTICATED|NODE_UNREACHABLE)$/),
    notStarted: true,
  });
}, 60_000);
