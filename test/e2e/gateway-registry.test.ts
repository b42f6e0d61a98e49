import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCatalogue } from '../../src/routing/index.ts';
import { type Opened, openGateway } from '../support/echo-gateway.ts';
import { type Reply, send } from '../support/http.ts';
import { definition, NODE_A, NODE_B, offer } from '../unit/routing/offers.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
  const serverInfo = { name: 'paper-server', title: 'Paper', version: '1.2.3' };
  const paper = definition(['read_page'], { serverInfo, instructions: '# Reads\n  pages.' });
  const bare = definition(['a', 'b'], { serverInfo: { name: 'bare', version: '' } });
  open.router.served = buildCatalogue(
    [
      offer('paper', NODE_A, { definition: paper, firstSeenMs: Date.UTC(2026, 0, 2) }),
      offer('paper', NODE_B, { definition: paper, firstSeenMs: Date.UTC(2026, 0, 3) }),
      offer('Bare', NODE_B, { definition: bare, definitionHash: 'h2', firstSeenMs: Date.UTC(2026, 5, 1) }),
      offer('wordy', NODE_B, { definition: definition([], { instructions: 'ä'.repeat(300) }), definitionHash: 'h3' }),
    ],
    1,
  ).services;
});
afterAll(() => open.gateway.stop());

const get = (path: string, headers: Record<string, string> = { Authorization: 'Bearer alice' }): Promise<Reply> =>
  send(open.origin + path, { headers });
const listed = async (query = ''): Promise<string[]> =>
  (await get(`/v0.1/servers${query}`)).json.servers.map(({ server }: { server: { name: string } }) => server.name);
const ALL = ['local.village/Bare', 'local.village/paper', 'local.village/wordy'];

describe('GET /v0.1/servers', () => {
  test('lists what this token may use as the MCP registry would, with this gateway as the remote', async () => {
    const { status, json } = await get('/v0.1/servers?search=PAPER');
    expect(status).toBe(200);
    expect(json).toEqual({
      servers: [
        {
          server: {
            $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
            name: 'local.village/paper',
            title: 'Paper',
            description: 'Reads pages.',
            version: '1.2.3',
            remotes: [
              {
                type: 'streamable-http',
                url: `${open.origin}/mcp/paper`,
                headers: [{ name: 'Authorization', description: expect.any(String), isRequired: true, isSecret: true }],
              },
            ],
          },
          _meta: {
            'io.modelcontextprotocol.registry/official': {
              status: 'active',
              publishedAt: '2026-01-02T00:00:00.000Z',
              updatedAt: '2026-01-02T00:00:00.000Z',
              isLatest: true,
            },
            'local.village/placement': { nodes: [NODE_A, NODE_B] },
          },
        },
      ],
      metadata: { count: 1 },
    });
  });

  test('keeps every field inside the registry’s limits', async () => {
    for (const { server } of (await get('/v0.1/servers')).json.servers) {
      expect(server.name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/);
      expect([...server.description].length).toBeGreaterThan(0);
      expect([...server.description].length).toBeLessThanOrEqual(100);
      expect(server.version).not.toBe('');
    }
  });

  test('lists nothing for an agent that may use nothing', async () => {
    const reply = await get('/v0.1/servers', { Authorization: 'Bearer bob' });
    expect(reply.json).toEqual({ servers: [], metadata: { count: 0 } });
  });

  test('comes in pages', async () => {
    expect(await listed()).toEqual(ALL);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await get(`/v0.1/servers?limit=1&cursor=${cursor}`);
      expect(json.metadata.count).toBe(json.servers.length);
      seen.push(...json.servers.map(({ server }: { server: { name: string } }) => server.name));
      cursor = json.metadata.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen).toEqual(ALL);
  });

  test('is narrowed by search, version and time', async () => {
    expect(await listed('?search=bar')).toEqual(['local.village/Bare']);
    expect(await listed('?version=1.2.3')).toEqual(['local.village/paper']);
    expect(await listed('?version=latest')).toEqual(ALL);
    expect(await listed('?updated_since=2026-03-01T00:00:00Z')).toEqual(['local.village/Bare']);
  });

  test.each(['limit=0', 'limit=x', 'limit=1.5', 'cursor=%00%00', 'cursor=!', 'updated_since=yesterday'])(
    'with %s is 400',
    async (query) => {
      const reply = await get(`/v0.1/servers?${query}`);
      expect([reply.status, typeof reply.json.error]).toEqual([400, 'string']);
    },
  );
});

describe('one server', () => {
  const PAPER = '/v0.1/servers/local.village%2Fpaper/versions';
  test('has one version, under its own name and as the latest', async () => {
    expect((await get(PAPER)).json.servers).toHaveLength(1);
    for (const version of ['latest', '1.2.3']) {
      expect((await get(`${PAPER}/${version}`)).json.server.name).toBe('local.village/paper');
    }
  });

  test.each([
    `${PAPER}/9`,
    '/v0.1/servers/local.village%2Fnone/versions',
    '/v0.1/servers/paper',
    '/v0.1/servers/%zz/versions',
    '/v0.1/servers/',
    `${PAPER}/%zz`,
    `${PAPER}/1/2`,
  ])('%s is 404', async (path) => {
    const reply = await get(path);
    expect([reply.status, typeof reply.json.error]).toEqual([404, 'string']);
  });

  test('that this agent may not use does not exist', async () => {
    expect((await get(PAPER, { Authorization: 'Bearer bob' })).status).toBe(404);
  });
});

test('the registry wants a token as /mcp does, and answers GET alone', async () => {
  const reply = await get('/v0.1/servers', {});
  expect(reply.status).toBe(401);
  const metadata = /resource_metadata="([^"]+)"/.exec(reply.headers['www-authenticate'] ?? '')?.[1];
  expect((await send(metadata ?? '')).json.resource).toBe(`${open.origin}/mcp`);
  const headers = { Authorization: 'Bearer alice' };
  const posted = await send(`${open.origin}/v0.1/servers`, { method: 'POST', headers, body: '{}' });
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET']);
});
