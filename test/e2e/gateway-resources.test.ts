import { Client as ClientV2, StreamableHTTPClientTransport as StreamableHttpV2 } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, ENVELOPE, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { events, open as openStream } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

const request = (id: number, method: string, params: object): object => ({ jsonrpc: '2.0', id, method, params });
const subscribe = (id: number, uri: unknown): object => request(id, 'resources/subscribe', { uri });
const updated = (uri: string, more: object = {}): object => ({
  jsonrpc: '2.0',
  method: 'notifications/resources/updated',
  params: { uri, ...more },
});

describe('resources/subscribe', () => {
  test('is answered, and changes are told on the stream of the session until resources/unsubscribe', async () => {
    const headers = await open.session();
    expect((await open.post(subscribe(1, 'test://a'), { headers })).json).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
    expect((await open.post(subscribe(2, 'test://b'), { headers })).json.result).toEqual({});
    const res = await openStream(`${open.origin}/mcp`, { headers });
    const heard = events(res);
    open.router.update('test://a');
    expect(JSON.parse((await heard.next()).value?.data ?? '')).toEqual(updated('test://a'));
    await open.post(request(3, 'resources/unsubscribe', { uri: 'test://a' }), { headers });
    expect([...open.router.interest.keys()]).toEqual(['test://b']);
    open.router.update('test://a');
    open.router.update('test://b');
    expect(JSON.parse((await heard.next()).value?.data ?? '')).toEqual(updated('test://b'));
    await openStream(`${open.origin}/mcp`, { method: 'DELETE', headers });
    await until(() => open.router.interest.size === 0);
    res.destroy();
  });

  test('twice for the same resource is one subscription', async () => {
    const headers = await open.session();
    for (const id of [1, 2]) await open.post(subscribe(id, 'test://twice'), { headers });
    expect(open.router.interest.get('test://twice')?.size).toBe(1);
    await open.post(request(3, 'resources/unsubscribe', { uri: 'test://twice' }), { headers });
    expect(open.router.interest.has('test://twice')).toBe(false);
    const again = await open.post(request(4, 'resources/unsubscribe', { uri: 'test://twice' }), { headers });
    expect(again.json.result).toEqual({});
  });

  test('that the router refuses is refused with its reply', async () => {
    const headers = await open.session();
    const reply = await open.post(subscribe(1, 'secret://a'), { headers });
    expect(reply.json).toMatchObject({ id: 1, error: { code: -32003 } });
    expect(open.router.interest.size).toBe(0);
  });

  test.each([[undefined], [5], [null]])('of %j is -32602', async (uri) => {
    const headers = await open.session();
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      expect((await open.post(request(1, method, { uri }), { headers })).json.error.code).toBe(-32602);
    }
  });

  test('is bounded for each session', async () => {
    const headers = await open.session();
    for (let id = 1; id <= 256; id++) await open.post(subscribe(id, `test://${id}`), { headers });
    const reply = await open.post(subscribe(257, 'test://257'), { headers });
    expect([reply.status, reply.json.error.code]).toEqual([429, -32004]);
    await openStream(`${open.origin}/mcp`, { method: 'DELETE', headers });
    await until(() => open.router.interest.size === 0);
  });

  test('tells a client that was away once of each resource, however often that changed', async () => {
    const headers = await open.session();
    await open.post(subscribe(1, 'test://away'), { headers });
    for (let times = 0; times < 1000; times++) open.router.update('test://away');
    const res = await openStream(`${open.origin}/mcp`, { headers });
    const heard = events(res);
    expect(JSON.parse((await heard.next()).value?.data ?? '')).toEqual(updated('test://away'));
    await openStream(`${open.origin}/mcp`, { method: 'DELETE', headers });
    expect((await heard.next()).done).toBe(true);
  });
});

describe('subscriptions/listen to resources', () => {
  const listen = async (resourceSubscriptions: unknown) => {
    const [message, { headers }] = stateless('L', 'subscriptions/listen', { notifications: { resourceSubscriptions } });
    const body = JSON.stringify(message);
    return openStream(`${open.origin}/mcp`, { method: 'POST', headers: { ...bearer('alice'), ...headers }, body });
  };
  const _meta = { 'io.modelcontextprotocol/subscriptionId': 'L' };

  test('acknowledges those it may hear of, tells of their changes, and ends with the connection', async () => {
    const res = await listen(['test://x', 'secret://y', 'test://x', 'test://z']);
    const heard = events(res);
    const next = async (): Promise<unknown> => JSON.parse((await heard.next()).value?.data ?? '');
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { resourceSubscriptions: ['test://x', 'test://z'] }, _meta },
    });
    open.router.update('test://z');
    expect(await next()).toEqual(updated('test://z', { _meta }));
    res.destroy();
    await until(() => open.router.interest.size === 0);
  });

  test('of which it may hear of none ends with its result', async () => {
    const seen: { method?: string; result?: { resultType: string } }[] = [];
    for await (const { data } of events(await listen(['secret://y']))) seen.push(JSON.parse(data));
    expect(seen.map((one) => one.method ?? one.result?.resultType)).toEqual([
      'notifications/subscriptions/acknowledged',
      'complete',
    ]);
  });

  test.each([[[5]], [Array.from({ length: 257 }, (_, index) => `test://${index}`)], ['test://x']])(
    'with a list that is none, or too long, is -32602',
    async (uris) => {
      const [message, options] = stateless(1, 'subscriptions/listen', {
        notifications: { resourceSubscriptions: uris },
      });
      expect((await open.post(message, options)).json.error.code).toBe(-32602);
    },
  );

  test('asks the router in the caller’s own name and words', async () => {
    const [message, { headers }] = stateless('L', 'subscriptions/listen', {
      notifications: { resourceSubscriptions: ['test://x'] },
    });
    const asked = { method: 'POST', headers: { ...bearer('bob'), ...headers }, body: JSON.stringify(message) };
    const res = await openStream(`${open.origin}/mcp/everything`, asked);
    expect(open.router.subscribes.at(-1)).toMatchObject({
      request: { id: 'L', method: 'resources/subscribe', params: { uri: 'test://x', _meta: ENVELOPE } },
      principal: { agentId: 'bob' },
      era: 'stateless',
      view: 'everything',
    });
    res.destroy();
  });
});

test('the SDK’s client of version 2 hears of what it listens to', async () => {
  const client = new ClientV2({ name: 'test', version: '0' }, { versionNegotiation: { mode: 'auto' } });
  const heard: unknown[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  const requestInit = { headers: { Authorization: 'Bearer alice' } };
  await client.connect(new StreamableHttpV2(new URL(`${open.origin}/mcp`), { requestInit }));
  const subscription = await client.listen({ resourceSubscriptions: ['test://v2'] });
  open.router.update('test://v2');
  await until(() => heard.length > 0);
  expect(heard).toEqual(['test://v2']);
  await subscription.close();
  await until(() => open.router.interest.size === 0);
  await client.close();
});
