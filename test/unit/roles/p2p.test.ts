import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { BackendContext, Era } from '../../../node/backends/backend.ts';
import { HostedRole } from '../../../node/backends/hosted-role.ts';
import type { Pulled } from '../../../node/discovery/index.ts';
import { p2pRole } from '../../../node/roles/p2p/index.ts';
import type { Principal } from '../../../src/permissions/index.ts';
import { buildCatalogue, type KnownNode, type Service } from '../../../src/routing/index.ts';
import { signingNode } from '../../support/signing-node.ts';
import { definition, offer } from '../routing/offers.ts';

const SELF = signingNode(1).nodeId;
const OTHER = signingNode(2).nodeId;
const AT = 1_800_000_000_000;
const principal: Principal = {
  agentId: 'local@abcd',
  role: 'agent',
  level: 'OPERATOR',
  permissions: undefined,
  tokenId: 'a'.repeat(64),
  issuedAtMs: AT,
  expiresAtMs: AT + 3_600_000,
  homeNode: SELF,
};
const context = (era: Era = 'session', signal = new AbortController().signal): BackendContext => {
  return { principal, era, callId: new Uint8Array(16), deadlineAt: Number.POSITIVE_INFINITY, signal };
};

/** The mesh that the role looks at. */
const world = {
  known: [] as KnownNode[],
  wanted: [] as string[],
  met: { kind: 'silent' } as Pulled,
  meeting: undefined as Promise<Pulled> | undefined,
  forbidden: new Set<string>(),
  failures: [] as string[],
  shown: (service: Service): Service => service,
};
const otherNode: KnownNode = {
  nodeId: OTHER,
  seq: 3,
  believedUntilMs: 0,
  away: [],
  servers: [
    { alias: 'p2p', kind: 'role', definitionHash: 'p', firstSeenMs: 1, toolHashes: {} },
    { alias: 'memory', kind: 'third_party', definitionHash: 'h1', firstSeenMs: 1, toolHashes: {} },
  ],
};
const catalogue = buildCatalogue(
  [offer('memory', OTHER, { definition: definition(['read', 'write']) }), offer('files', SELF, { local: true })],
  1,
);

type Listener = (...told: never[]) => void;
const listeners = new Map<string, () => void>();
function listen(what: string, listener: Listener): () => void {
  listeners.set(what, listener as () => void);
  return () => listeners.delete(what);
}

let role: HostedRole;
beforeEach(async () => {
  Object.assign(world, {
    known: [otherNode],
    wanted: [],
    met: { kind: 'silent' },
    meeting: undefined,
    forbidden: new Set(),
    failures: [],
    shown: (service: Service) => service,
  });
  const address = `/ip4/10.0.0.2/tcp/4001/p2p/${OTHER}`;
  const parts = {
    host: {
      nodeId: SELF,
      addresses: () => [`/ip4/127.0.0.1/tcp/1/p2p/${SELF}`],
      admitted: () => new Map([[OTHER, { nodeId: OTHER, since: AT - 5, bootSeq: 1 } as never]]),
      connections: () => [{ nodeId: OTHER, address, direction: 'outbound' as const, admitted: true }],
      onAdmitted: (listener: Listener) => listen('admitted', listener),
      onGone: (listener: Listener) => listen('gone', listener),
    },
    directory: {
      catalogue: () => catalogue,
      nodes: () => world.known,
      own: () => ({
        seq: 7,
        servers: [{ alias: 'p2p', kind: 'role' as const, definitionHash: 'p', firstSeenMs: 1, toolHashes: {} }],
      }),
      meet: () => world.meeting ?? Promise.resolve(world.met),
      want: async (alias: string) => void world.wanted.push(alias),
      lookAround: async () => void world.wanted.push('*'),
      onCatalogue: (listener: Listener) => listen('catalogue', listener),
    },
    villageId: 'v',
    mayUse: (_: Principal, entry: { readonly exposedName: string }) => !world.forbidden.has(entry.exposedName),
    shown: (service: Service) => world.shown(service),
    wallMs: () => AT,
    startedAtMs: AT - 1_000,
  };
  const reporter = { report: (name: string) => void world.failures.push(name) };
  role = new HostedRole(p2pRole(parts), { wallMs: () => AT, reporter });
  await role.start();
});

const send = async (method: string, params: Record<string, unknown>, where = context()) => {
  const reply = await role.request({ jsonrpc: '2.0', id: 'x"1', method, params }, where);
  return { reply, message: JSON.parse(Buffer.from(reply.body).toString()) };
};
const call = async (name: string, args?: unknown, where = context()) => {
  const { reply, message } = await send('tools/call', args === undefined ? { name } : { name, arguments: args }, where);
  return { reply, message, result: message.result };
};

describe('a tool’s answer', () => {
  test('is structured content and the same JSON as text, under the request’s id', async () => {
    const { reply, message } = await call('mesh_ping');
    expect(message).toEqual({
      jsonrpc: '2.0',
      id: 'x"1',
      result: {
        content: [{ type: 'text', text: `{"node_id":"${SELF}","at_ms":1800000000000}` }],
        structuredContent: { node_id: SELF, at_ms: AT },
      },
    });
    expect(reply).toMatchObject({ outcome: 'ok', reason: '' });
  });

  test('says that it is complete to an agent of the stateless era, and to no other', async () => {
    expect((await call('mesh_ping', {}, context('stateless'))).result.resultType).toBe('complete');
    expect((await call('mesh_ping', {})).result).not.toHaveProperty('resultType');
  });

  test.each([
    ['mesh_ping', { nodeid: 'x' }, 'nodeid'],
    ['mesh_ping', { node_id: 7 }, 'node_id'],
    ['discover_nodes', { limit: 0 }, 'limit'],
    ['discover_nodes', { limit: 'many' }, 'limit'],
    ['discover_servers', { refresh: 'yes' }, 'refresh'],
    ['p2p_network_join', {}, 'node_id'],
    ['p2p_network_join', { node_id: OTHER, transport_preferences: ['tcp', 3] }, 'transport_preferences.1'],
    ['network_status', [], ''],
  ])('to wrong arguments of %s %j is an error that names the field', async (name, args, field) => {
    const { reply, result } = await call(name, args);
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toMatchObject({ code: 'INVALID_ARGUMENTS', retryable: false, field });
    expect(result.structuredContent.message).toContain(field);
    expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
    expect(reply).toMatchObject({ outcome: 'tool_error', reason: 'INVALID_ARGUMENTS' });
  });

  test('to an unknown tool or method is a protocol error', async () => {
    expect((await call('agent_communication')).message.error.code).toBe(-32602);
    expect((await send('tools/call', {})).message.error.code).toBe(-32602);
    expect((await send('tasks/get', {})).message.error.code).toBe(-32601);
  });

  test('ends when the caller stops waiting, with an outcome that nobody knows', async () => {
    world.meeting = new Promise<Pulled>(() => undefined);
    const stop = new AbortController();
    const asked = call('p2p_network_join', { node_id: OTHER }, context('session', stop.signal));
    stop.abort();
    const { reply, message } = await asked;
    expect(message.error.data.code).toBe('DEADLINE_EXCEEDED');
    expect(reply.outcome).toBe('unknown');
  });

  test('after a failure inside says no more than that, and the cause goes to our log', async () => {
    world.meeting = Promise.reject(new Error('secret path /root'));
    const { message } = await call('p2p_network_join', { node_id: OTHER });
    expect(message.error.code).toBe(-32603);
    expect(JSON.stringify(message)).not.toContain('secret');
    expect(world.failures).toEqual(['background.failed']);
  });
});

describe('tools', () => {
  test('mesh_ping of a node that the router did not find is refused, not answered by another', async () => {
    const { result } = await call('mesh_ping', { node_id: OTHER });
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { code: 'NODE_UNREACHABLE', retryable: true, node_id: OTHER },
    });
    expect((await call('mesh_ping', { node_id: SELF })).result.structuredContent.node_id).toBe(SELF);
  });

  test('discover_nodes lists this node first, filters by role, counts beyond the limit', async () => {
    const all = (await call('discover_nodes', {})).result.structuredContent;
    expect(all.total).toBe(2);
    expect(all.nodes[0]).toMatchObject({ node_id: SELF, self: true, roles: ['p2p'] });
    expect(all.nodes[1]).toEqual({
      node_id: OTHER,
      self: false,
      connected: true,
      admitted_since_ms: AT - 5,
      transport: 'tcp',
      roles: ['p2p'],
      servers: ['memory'],
    });
    expect((await call('discover_nodes', { limit: 1 })).result.structuredContent).toMatchObject({
      total: 2,
      nodes: [{ self: true }],
    });
    expect((await call('discover_nodes', { role: 'fog' })).result.structuredContent).toEqual({ nodes: [], total: 0 });
    expect(world.wanted).toEqual(['fog']);
  });

  test('discover_servers tells an agent of the tools that it may use, and of no server without one', async () => {
    world.forbidden = new Set(['memory__write', 'files__echo']);
    const { servers, total } = (await call('discover_servers', {})).result.structuredContent;
    expect(total).toBe(1);
    expect(servers[0]).toMatchObject({
      name: 'memory',
      tools: ['memory__read'],
      nodes: [OTHER],
      local: false,
      endpoint: '/mcp/memory',
    });
    expect(world.wanted).toEqual([]);
  });

  test('discover_servers says of a server what may be shown of it, and no more', async () => {
    const titled = async () => (await call('discover_servers', { name: 'memory' })).result.structuredContent.servers[0];
    expect((await titled()).title).toBe('test');
    const serverInfo = { name: 'memory', version: '1', title: 'what may be shown' };
    world.shown = (service) => ({ ...service, definition: { ...service.definition, serverInfo } });
    expect((await titled()).title).toBe('what may be shown');
  });

  test('discover_servers looks for a name that nobody known serves, and around when told to', async () => {
    expect((await call('discover_servers', { name: 'ghost' })).result.structuredContent.total).toBe(0);
    await call('discover_servers', { name: 'memory', refresh: true });
    expect(world.wanted).toEqual(['ghost', '*']);
  });

  test('p2p_network_join meets the node and tells what it serves and which wishes are not met', async () => {
    world.met = { kind: 'known', changed: false, redefined: [] };
    const args = { node_id: OTHER, transport_preferences: ['bitchat', 'direct_tcp'] };
    expect((await call('p2p_network_join', args)).result.structuredContent).toEqual({
      status: 'joined',
      node_id: OTHER,
      requested_node_id: OTHER,
      self: false,
      transport: 'tcp',
      unmet_preferences: ['bitchat'],
      servers: ['p2p', 'memory'],
      peers: 1,
    });
  });

  test('p2p_network_join refuses a node that does not answer and half a node id', async () => {
    expect((await call('p2p_network_join', { node_id: OTHER })).result.structuredContent).toMatchObject({
      code: 'NODE_UNREACHABLE',
      retryable: true,
    });
    const half = OTHER.slice(0, 30);
    expect((await call('p2p_network_join', { node_id: half })).result.structuredContent).toMatchObject({
      code: 'INVALID_NODE_ID',
      retryable: false,
    });
  });

  test('p2p_network_join under a name of the agent’s own confirms its own node', async () => {
    const joined = (await call('p2p_network_join', { node_id: 'magi_node' })).result.structuredContent;
    expect(joined).toMatchObject({
      status: 'joined',
      node_id: SELF,
      requested_node_id: 'magi_node',
      self: true,
      transport: null,
    });
  });

  test('network_status counts what this node knows', async () => {
    expect((await call('network_status', {})).result.structuredContent).toMatchObject({
      node_id: SELF,
      uptime_ms: 1_000,
      peers: { connected: 1, admitted: 1 },
      transports: ['tcp'],
      servers: 2,
      tools: 3,
    });
  });
});

describe('the definition', () => {
  test('describes every tool with strict input, output and what it does to the world', () => {
    const { tools } = role.definition();
    expect(tools.map((tool) => tool.name)).toEqual([
      'p2p_network_join',
      'discover_nodes',
      'discover_servers',
      'network_status',
      'mesh_ping',
    ]);
    for (const tool of tools) {
      expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(tool['outputSchema'], tool.name).toMatchObject({ type: 'object' });
      expect(tool['annotations'], tool.name).toMatchObject({
        readOnlyHint: tool.name !== 'p2p_network_join',
        openWorldHint: false,
      });
      expect(tool.description?.length, tool.name).toBeGreaterThan(60);
    }
    expect(role.definition().access).toBeUndefined();
  });

  test('is the same object as long as the role lives', () => {
    expect(role.definition()).toBe(role.definition());
  });
});

describe('resources and prompts', () => {
  test.each(['village://p2p/peers', 'village://p2p/servers', 'village://p2p/status'])(
    '%s reads as JSON, with its freshness where the era has one',
    async (uri) => {
      const session = (await send('resources/read', { uri })).message.result;
      expect(session.contents).toMatchObject([{ uri, mimeType: 'application/json' }]);
      expect(JSON.parse(session.contents[0].text)).toBeTypeOf('object');
      expect(session).not.toHaveProperty('ttlMs');
      const stateless = (await send('resources/read', { uri }, context('stateless'))).message.result;
      expect(stateless).toMatchObject({ resultType: 'complete', ttlMs: 1_000, cacheScope: 'private' });
    },
  );

  test('the server list in a resource hides what its reader may not use', async () => {
    world.forbidden = new Set(['memory__read', 'memory__write']);
    const { contents } = (await send('resources/read', { uri: 'village://p2p/servers' })).message.result;
    expect(contents[0].text).not.toContain('memory');
  });

  test('an unknown resource has the code of the reader’s era', async () => {
    expect((await send('resources/read', { uri: 'village://p2p/x' })).message.error.code).toBe(-32002);
    expect((await send('resources/subscribe', { uri: 'village://p2p/x' })).message.error.code).toBe(-32002);
    expect((await send('resources/subscribe', {})).message.error.code).toBe(-32002);
    expect((await send('resources/read', { uri: 'village://p2p/x' }, context('stateless'))).message.error.code).toBe(
      -32602,
    );
  });

  test('what changes in the mesh is told of, each resource at once and then once a second', () => {
    vi.useFakeTimers();
    try {
      const told: string[] = [];
      const stop = role.onResourceUpdated?.((uri) => void told.push(uri.slice('village://p2p/'.length)));
      listeners.get('admitted')?.();
      expect(told).toEqual(['peers', 'status']);
      for (let i = 0; i < 50; i++) listeners.get('catalogue')?.();
      expect(told).toEqual(['peers', 'status', 'servers']);
      vi.advanceTimersByTime(1_000);
      expect(told.slice(3).sort()).toEqual(['peers', 'servers', 'status']);
      vi.advanceTimersByTime(5_000);
      expect(told.length).toBe(6);
      listeners.get('gone')?.();
      expect(told.slice(6)).toEqual(['peers', 'status']);
      stop?.();
      expect(listeners.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a prompt is written for its subject, and wrong ones are refused', async () => {
    const { messages } = (
      await send('prompts/get', { name: 'diagnose_connectivity', arguments: { subject: 'memory' } })
    ).message.result;
    expect(messages[0].content.text).toContain('“memory”');
    expect((await send('prompts/get', { name: 'nothing' })).message.error.code).toBe(-32602);
    expect(
      (await send('prompts/get', { name: 'diagnose_connectivity', arguments: { subject: 1 } })).message.error.code,
    ).toBe(-32602);
  });
});
