import { describe, expect, test } from 'vitest';
import type { OutgoingMessage } from '../../../node/backends/channel.ts';
import type { Connection } from '../../../node/backends/connection.ts';
import { ResourceSubscriptions } from '../../../node/backends/resource-subscriptions.ts';
import { contextFor } from '../../support/hosting.ts';
import { until } from '../../support/until.ts';
import { connect, INITIALIZED, type Say } from '../../support/scripted-channel.ts';

const DISCOVERED = { supportedVersions: ['2026-07-28'], capabilities: {} };
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

async function opened(era: 'session' | 'stateless', server: (message: OutgoingMessage, say: Say) => void) {
  const { connection, channel } = connect((message, say) => {
    const { id, method } = message;
    if (method === 'server/discover' && era === 'stateless') say({ jsonrpc: '2.0', id, result: DISCOVERED });
    else if (method === 'initialize') say({ jsonrpc: '2.0', id, result: INITIALIZED });
    else server(message, say);
  });
  await connection.open({ tryStateless: era === 'stateless', timeoutMs: 1_000 });
  channel.sent.length = 0;
  return { connection, channel };
}

function subscriptions() {
  const updated: string[] = [];
  const made = new ResourceSubscriptions((uri) => void updated.push(uri));
  const send = async (method: string, uri: unknown, connection: Connection) => {
    const context = contextFor();
    const request = { jsonrpc: '2.0' as const, id: 'mine', method, params: uri === undefined ? {} : { uri } };
    const asked = { request, context, deadlineAt: context.deadlineAt };
    const { body } = await made.handle(asked, (perform) => perform(connection));
    return JSON.parse(Buffer.from(body).toString('utf8'));
  };
  const subscribe = (uri: unknown, connection: Connection) => send('resources/subscribe', uri, connection);
  const unsubscribe = (uri: unknown, connection: Connection) => send('resources/unsubscribe', uri, connection);
  return { made, updated, subscribe, unsubscribe };
}

const OK = { jsonrpc: '2.0', id: 'mine', result: {} };

describe('subscriptions at a server with sessions', () => {
  const willing = (message: OutgoingMessage, say: Say) => say({ jsonrpc: '2.0', id: message.id, result: {} });
  const said = (sent: readonly OutgoingMessage[]) => sent.map(({ method, params }) => [method, params?.['uri']]);

  test('are one for each resource, and end with the last that asked', async () => {
    const { connection, channel } = await opened('session', willing);
    const { made, subscribe, unsubscribe } = subscriptions();
    expect(await Promise.all([1, 2, 3].map(() => subscribe('x://a', connection)))).toEqual([OK, OK, OK]);
    await subscribe('x://b', connection);
    for (let i = 0; i < 3; i++) expect(await unsubscribe('x://a', connection)).toEqual(OK);
    expect(said(channel.sent)).toEqual([
      ['resources/subscribe', 'x://a'],
      ['resources/subscribe', 'x://b'],
      ['resources/unsubscribe', 'x://a'],
    ]);
    expect(made.empty).toBe(false);
    await unsubscribe('x://b', connection);
    expect(made.empty).toBe(true);
  });

  test('that are refused leave nothing, and what was never asked for is not taken back from others', async () => {
    let willingNow = false;
    const { connection, channel } = await opened('session', (message, say) => {
      if (willingNow) willing(message, say);
      else say({ jsonrpc: '2.0', id: message.id, error: { code: -32002, message: 'no such thing' } });
    });
    const { made, subscribe, unsubscribe } = subscriptions();
    expect((await subscribe('x://a', connection)).error).toEqual({ code: -32002, message: 'no such thing' });
    expect(made.empty).toBe(true);
    willingNow = true;
    channel.sent.length = 0;
    expect(await unsubscribe('x://a', connection)).toEqual(OK);
    expect(channel.sent).toEqual([]);
  });

  test.each([undefined, 7, '', null, {}])('need a URI that is text: %j is refused', async (uri) => {
    const { connection, channel } = await opened('session', willing);
    expect((await subscriptions().subscribe(uri, connection)).error).toMatchObject({ code: -32602 });
    expect(channel.sent).toEqual([]);
  });

  test('are made anew for a new life of the server, and each is told of as changed', async () => {
    const first = await opened('session', willing);
    const { made, updated, subscribe, unsubscribe } = subscriptions();
    for (const uri of ['x://a', 'x://b', 'x://c']) await subscribe(uri, first.connection);
    await unsubscribe('x://b', first.connection);
    const second = await opened('session', willing);
    await made.restore(second.connection);
    expect(said(second.channel.sent)).toEqual([
      ['resources/subscribe', 'x://a'],
      ['resources/subscribe', 'x://c'],
    ]);
    expect(updated).toEqual(['x://a', 'x://c']);
  });

  test('are bounded', async () => {
    const { connection } = await opened('session', willing);
    const { subscribe } = subscriptions();
    for (let i = 0; i < 2_048; i++) await subscribe(`x://${i}`, connection);
    expect((await subscribe('x://more', connection)).error).toMatchObject({ code: -32006 });
    expect(await subscribe('x://0', connection)).toEqual(OK);
  });
});

describe('subscriptions at a server without sessions', () => {
  /** A server that tells of what begins with x: and keeps its listeners. */
  function listening() {
    const listens: { id: unknown; uris: readonly string[]; say: Say }[] = [];
    const server = (message: OutgoingMessage, say: Say): void => {
      if (message.method !== 'subscriptions/listen') return;
      const wanted = message.params?.['notifications'] as { resourceSubscriptions: readonly string[] };
      listens.push({ id: message.id, uris: wanted.resourceSubscriptions, say });
      const notifications = {
        resourceSubscriptions: wanted.resourceSubscriptions.filter((uri) => uri.startsWith('x:')),
      };
      const _meta = { 'io.modelcontextprotocol/subscriptionId': message.id };
      say({ jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications, _meta } });
    };
    return { listens, server };
  }
  const cancelled = (sent: readonly OutgoingMessage[]) =>
    sent.filter(({ method }) => method === 'notifications/cancelled').map(({ params }) => params?.['requestId']);

  test('are one stream that listens to all, and the old one ends when the new one is acknowledged', async () => {
    const { listens, server } = listening();
    const { connection, channel } = await opened('stateless', server);
    const { subscribe, unsubscribe } = subscriptions();
    expect(await subscribe('x:a', connection)).toEqual(OK);
    expect(await subscribe('x:b', connection)).toEqual(OK);
    await unsubscribe('x:a', connection);
    expect(listens.map(({ uris }) => uris)).toEqual([['x:a'], ['x:a', 'x:b'], ['x:b']]);
    expect(cancelled(channel.sent)).toEqual(listens.slice(0, 2).map(({ id }) => id));
    await unsubscribe('x:b', connection);
    expect(cancelled(channel.sent)).toEqual(listens.map(({ id }) => id));
  });

  test('that are not honoured are refused, and the others stay', async () => {
    const { listens, server } = listening();
    const { connection } = await opened('stateless', server);
    const { subscribe } = subscriptions();
    await subscribe('x:a', connection);
    expect((await subscribe('y:a', connection)).error).toMatchObject({ code: -32601 });
    expect(listens.at(-1)?.uris).toEqual(['x:a']);
  });

  test('are refused where the server knows no such thing', async () => {
    const { connection } = await opened('stateless', ({ id, method }, say) => {
      if (method === 'subscriptions/listen') say({ jsonrpc: '2.0', id, error: { code: -32601, message: 'what?' } });
    });
    expect((await subscriptions().subscribe('x:a', connection)).error).toMatchObject({ code: -32006 });
  });

  test('are listened to again when the server ends the stream, and told of as changed', async () => {
    const { listens, server } = listening();
    const { connection } = await opened('stateless', server);
    const { updated, subscribe } = subscriptions();
    await subscribe('x:a', connection);
    listens[0]?.say({ jsonrpc: '2.0', id: listens[0].id, result: {} });
    await until(() => updated.length > 0);
    expect(updated).toEqual(['x:a']);
    expect(listens.length).toBe(2);
  });
});
