import { describe, expect, test } from 'vitest';
import { listAll } from '../../../node/backends/listing.ts';
import { connect, INITIALIZED } from '../../support/scripted-channel.ts';

const soon = () => ({ deadlineAt: performance.now() + 5_000 });

describe('a handshake', () => {
  const opening = { tryStateless: true, timeoutMs: 3_000, aloneMs: 20 };

  test('ends in the session era when `server/discover` is refused', async () => {
    const { connection, channel } = connect(({ id, method }, say) => {
      if (method === 'initialize') say({ jsonrpc: '2.0', id, result: INITIALIZED });
      else if (id !== undefined) say({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
    });
    expect(await connection.open(opening)).toMatchObject({ era: 'session', version: '2025-06-18' });
    expect(channel.sent.map((message) => message.method)).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
    ]);
  });

  test('takes a `server/discover` answered late, when `initialize` is refused', async () => {
    let discover: unknown;
    const { connection } = connect(({ id, method }, say) => {
      if (method === 'server/discover') discover = id;
      if (method !== 'initialize') return;
      say({ jsonrpc: '2.0', id, error: { code: -32022, message: 'no' } });
      say({ jsonrpc: '2.0', id: discover, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
    });
    expect(await connection.open(opening)).toMatchObject({ era: 'stateless', version: '2026-07-28' });
  });

  test('ends in a session when `initialize` succeeds as well: the server has chosen then', async () => {
    const { connection, channel } = connect(({ id, method }, say) => {
      if (method !== 'initialize') return;
      const discover = channel.sent.find((message) => message.method === 'server/discover')?.id;
      const found = { supportedVersions: ['2026-07-28'], capabilities: {} };
      say({ jsonrpc: '2.0', id: discover, result: found });
      setTimeout(() => say({ jsonrpc: '2.0', id, result: INITIALIZED }), 10);
    });
    expect(await connection.open({ ...opening, aloneMs: 40 })).toMatchObject({ era: 'session' });
  });

  test.each([[{ protocolVersion: '1999-01-01', capabilities: {} }], [{ capabilities: {} }], [{ protocolVersion: 7 }]])(
    'fails with a code when the server answers %j',
    async (result) => {
      const { connection } = connect(({ id, method }, say) => {
        if (method === 'initialize') say({ jsonrpc: '2.0', id, result });
        else if (id !== undefined) say({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
      });
      await expect(connection.open(opening)).rejects.toMatchObject({ code: 'BACKEND_HANDSHAKE' });
    },
  );

  test('fails with a code when nobody answers', async () => {
    const { connection } = connect(() => undefined);
    await expect(connection.open({ tryStateless: true, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'BACKEND_HANDSHAKE',
    });
  });
});

describe('a connection', () => {
  test.each([
    [{ jsonrpc: '2.0', id: 99, result: {} }],
    [{ jsonrpc: '2.0', id: '1', result: {} }],
    [{ jsonrpc: '2.0', id: null, error: { code: 1, message: 'x' } }],
    [{ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 99 } }],
    [{ jsonrpc: '2.0', method: 'notifications/progress' }],
    [{ jsonrpc: '2.0', method: 'notifications/unheard-of', params: [] }],
    [{ jsonrpc: '2.0', id: {}, method: 'ping' }],
    [{}],
  ])('makes nothing of %j and waits for the answer', async (noise) => {
    const { connection } = connect(({ id }, say) => {
      say(noise);
      say({ jsonrpc: '2.0', id, result: { fine: true } });
    });
    expect(await connection.ask('x', undefined, soon())).toEqual({ kind: 'result', result: { fine: true } });
  });

  test.each([[{}], [{ result: 7 }], [{ error: {} }], [{ error: { code: 'x', message: 'y' } }], [{ result: null }]])(
    'takes the malformed answer %j for an error of the server',
    async (answer) => {
      const { connection } = connect(({ id }, say) => say({ jsonrpc: '2.0', id, ...answer }));
      expect(await connection.ask('x', undefined, soon())).toMatchObject({ kind: 'error', error: { code: -32603 } });
    },
  );

  test('answers a ping of the server', async () => {
    const { channel } = connect(() => undefined);
    channel.events.message({ jsonrpc: '2.0', id: 'p', method: 'ping' }, undefined);
    await expect.poll(() => channel.sent).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }]);
  });

  test('that closes ends what may have begun as unknown, and what comes later as never begun', async () => {
    const { connection, channel } = connect(() => undefined);
    const waiting = connection.ask('x', undefined, soon());
    channel.events.closed('gone');
    expect(await waiting).toEqual({ kind: 'failed', failure: { kind: 'unknown', problem: 'gone' } });
    expect(await connection.ask('x', undefined, soon())).toEqual({ kind: 'refused', because: 'closed' });
  });

  test('whose queue is full refuses, and says so', async () => {
    const { connection, channel } = connect(() => undefined);
    channel.accepts = 'busy';
    expect(await connection.ask('x', undefined, soon())).toEqual({ kind: 'refused', because: 'busy' });
  });

  test('sends requests of a session again when the session was lost, once, and says that it is another', async () => {
    let sessions = 0;
    let renewals = 0;
    const { connection, channel } = connect(
      ({ id, method }, say) => {
        if (method === 'initialize') {
          sessions++;
          say({ jsonrpc: '2.0', id, result: INITIALIZED });
        } else if (method === 'stubborn' || sessions < 2) {
          channel.events.failed(id as number, { kind: 'session-lost', renewed: false });
        } else say({ jsonrpc: '2.0', id, result: { method } });
      },
      { renewed: () => void renewals++ },
    );
    await connection.open({ tryStateless: false, timeoutMs: 1_000 });
    const both = await Promise.all([connection.ask('a', undefined, soon()), connection.ask('b', undefined, soon())]);
    expect(both).toEqual(['a', 'b'].map((method) => ({ kind: 'result', result: { method } })));
    expect([sessions, renewals]).toEqual([2, 1]);
    expect(await connection.ask('stubborn', undefined, soon())).toMatchObject({
      kind: 'failed',
      failure: { kind: 'not-started' },
    });
  });
});

describe('a listing', () => {
  async function listOf(tools: unknown, next?: string) {
    const { connection } = connect(({ id, method }, say) => {
      if (method === 'tools/list')
        say({ jsonrpc: '2.0', id, result: { tools, ...(next === undefined ? {} : { nextCursor: next }) } });
      else if (id !== undefined) say({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
    });
    const terms = {
      era: 'session',
      version: '2025-06-18',
      serverInfo: { name: 's', version: '1' },
      instructions: undefined,
    } as const;
    return listAll(connection, { ...terms, capabilities: { tools: {}, prompts: {}, resources: {} } });
  }
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });

  test('leaves out what no definition can be, and the second of two with one name', async () => {
    const lone = { ...tool('lone'), description: '\ud800' };
    const deep = { ...tool('deep'), x: JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) };
    const { definition, problem } = await listOf([
      tool('a'),
      7,
      null,
      { name: 'b' },
      { ...tool('a'), title: '2' },
      lone,
      deep,
    ]);
    expect(definition.tools).toEqual([tool('a')]);
    expect(problem).toBe('5 malformed definitions were left out');
  });

  test.each([[undefined], [7], [{}], ['tools']])('takes %j for an empty list', async (tools) => {
    expect((await listOf(tools)).definition.tools).toEqual([]);
  });

  test('of more than 4 MiB is refused', async () => {
    const large = Array.from({ length: 5 }, (_, n) => ({ ...tool(`t${n}`), description: 'x'.repeat(1024 * 1024) }));
    await expect(listOf(large)).rejects.toMatchObject({ code: 'BACKEND_LISTING' });
  });

  test('whose cursor stands still ends', async () => {
    expect((await listOf([tool('a')], 'same')).definition.tools).toEqual([tool('a')]);
  });
});
