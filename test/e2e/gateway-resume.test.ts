import type { IncomingMessage } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, type Opened, openGateway, stateless } from '../support/echo-gateway.ts';
import { allEvents, open as openStream, send, type ServerEvent } from '../support/http.ts';
import { until } from '../support/until.ts';

let open: Opened;
beforeAll(async () => {
  open = await openGateway();
});
afterAll(() => open.gateway.stop());

type Headers = Record<string, string>;
/** `progress` tells of three steps and then waits to be released. */
const slowly = (id: number): object => call(id, 'progress', { arguments: { wait: true, message: 'done' } });

function post(headers: Headers, message: object, at = open): Promise<IncomingMessage> {
  return openStream(`${at.origin}/mcp`, { method: 'POST', headers, body: JSON.stringify(message) });
}
function get(headers: Headers, lastEventId?: string, at = open): Promise<IncomingMessage> {
  const more = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  return openStream(`${at.origin}/mcp`, { headers: { ...headers, ...more } });
}
async function take(heard: AsyncGenerator<ServerEvent>, count: number): Promise<ServerEvent[]> {
  const taken: ServerEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await heard.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
const stepOf = ({ data }: ServerEvent): unknown => {
  if (data === '') return 'primed';
  const message = JSON.parse(data) as { params?: { progress?: number }; id?: unknown };
  return message.params?.progress ?? message.id;
};

describe('the stream of a POST', () => {
  test('begins, for a client of 2025-11-25, with an event from which it can be resumed, and every event has an id', async () => {
    const headers = await open.session();
    const heard = allEvents(await post(headers, slowly(1)));
    const seen = await take(heard, 4);
    expect(seen.map(stepOf)).toEqual(['primed', 1, 2, 3]);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(4);
    open.router.release();
    expect((await take(heard, 9)).map(stepOf)).toEqual([1]);
  });

  test.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'has no event without data for a client of %s',
    async (version) => {
      const headers = await open.session({ version });
      const [first] = await take(allEvents(await post(headers, call(1, 'progress'))), 1);
      expect([stepOf(first as ServerEvent), first?.id]).toEqual([1, expect.stringMatching(/^\d+-1$/)]);
    },
  );

  test('that was lost goes on where it was, and the call has gone on meanwhile', async () => {
    const headers = await open.session();
    const res = await post(headers, slowly(7));
    const seen = await take(allEvents(res), 3);
    res.destroy();
    open.router.release();
    await until(() => open.router.calls.at(-1)?.request.id === 7);
    const resumed = await get(headers, seen.at(-1)?.id);
    expect(resumed.statusCode).toBe(200);
    expect((await take(allEvents(resumed), 9)).map(stepOf).filter((step) => step !== 'primed')).toEqual([3, 7]);
    // Its client may have lost that one too.
    expect((await take(allEvents(await get(headers, seen[0]?.id)), 9)).map(stepOf)).toEqual([1, 2, 3, 7]);
  });

  test('that is resumed while the call still runs hears the rest as it comes; the older connection is ended', async () => {
    const headers = await open.session();
    const first = allEvents(await post(headers, slowly(1)));
    const seen = await take(first, 4);
    const second = allEvents(await get(headers, seen.at(-1)?.id));
    expect((await take(second, 1)).map(stepOf)).toEqual(['primed']);
    expect(await take(first, 1)).toEqual([]);
    open.router.release();
    expect((await take(second, 9)).map(stepOf)).toEqual([1]);
  });

  test('replays nothing of another stream', async () => {
    const headers = await open.session();
    const one = await take(allEvents(await post(headers, call(1, 'progress'))), 9);
    const two = await take(allEvents(await post(headers, call(2, 'progress'))), 9);
    expect((await take(allEvents(await get(headers, one[0]?.id)), 9)).map(stepOf)).toEqual([1, 2, 3, 1]);
    expect((await take(allEvents(await get(headers, two[0]?.id)), 9)).map(stepOf)).toEqual([1, 2, 3, 2]);
  });

  test('of another session, and an id that never was, are 400', async () => {
    const headers = await open.session();
    const [primed] = await take(allEvents(await post(headers, call(1, 'progress'))), 9);
    const other = await open.session();
    for (const id of [String(primed?.id), '99-1', '1', '1-', '-1-1', 'x', '1-99999999999999999999']) {
      const reply = await send(`${open.origin}/mcp`, { headers: { ...other, 'Last-Event-ID': id } });
      expect([reply.status, reply.json.error.code]).toEqual([400, -32600]);
    }
  });

  test('comes into being for a call that takes long, so that its answer is not lost with the connection', async () => {
    const headers = await open.session();
    const arrival = open.router.arrival();
    const pending = post(headers, call(1, 'hold'));
    await arrival;
    open.gateway.linger();
    open.gateway.linger();
    const res = await pending;
    const [primed] = await take(allEvents(res), 1);
    res.destroy();
    open.router.release();
    expect((await take(allEvents(await get(headers, primed?.id)), 9)).map(stepOf).at(-1)).toBe(1);
  });

  test('is plain JSON for a call that takes long from a client of an older revision', async () => {
    const headers = await open.session({ version: '2025-06-18' });
    const arrival = open.router.arrival();
    const pending = post(headers, call(1, 'hold'));
    await arrival;
    for (let times = 0; times < 3; times++) open.gateway.linger();
    open.router.release();
    expect((await pending).headers['content-type']).toBe('application/json');
  });

  test('has no ids in the stateless era, where nothing can be resumed', async () => {
    const [message, { headers }] = stateless(1, 'tools/call', { name: 'progress' });
    const seen = await take(allEvents(await post({ ...(await open.session()), ...headers }, message)), 9);
    expect(seen.map(({ id }) => id)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('carries a question over a lost connection', async () => {
    const headers = await open.session({ capabilities: { roots: {} } });
    const res = await post(headers, call(1, 'ask', { arguments: { question: { method: 'roots/list' } } }));
    const [primed, asked] = await take(allEvents(res), 2);
    res.destroy();
    const again = allEvents(await get(headers, primed?.id));
    const [, replayed] = await take(again, 2);
    expect(replayed?.data).toBe(asked?.data);
    const { id } = JSON.parse(replayed?.data ?? '') as { id: string };
    await open.post({ jsonrpc: '2.0', id, result: { roots: [] } }, { headers });
    const [reply] = await take(again, 9);
    expect(JSON.parse(reply?.data ?? '').result.structuredContent).toEqual({ result: { roots: [] } });
  });
});

describe('the main stream', () => {
  test('goes on after the last event that was heard, then with what was missed', async () => {
    const headers = await open.session();
    const res = await get(headers);
    const heard = allEvents(res);
    await take(heard, 1);
    open.router.change('tools');
    const [tools] = await take(heard, 1);
    open.router.change('prompts');
    const [prompts] = await take(heard, 1);
    res.destroy();
    await until(async () => {
      const probe = await get(headers);
      probe.destroy();
      return probe.statusCode === 200;
    });
    const again = allEvents(await get(headers, tools?.id));
    const [, replayed] = await take(again, 2);
    expect(replayed?.data).toBe(prompts?.data);
  });

  test('is taken over by the client that resumes it, though the old connection still stands', async () => {
    const headers = await open.session();
    const first = allEvents(await get(headers));
    const [primed] = await take(first, 1);
    const second = await get(headers, primed?.id);
    expect(second.statusCode).toBe(200);
    expect(await take(first, 1)).toEqual([]);
    second.destroy();
  });
});

describe('what is kept for a client that comes back', () => {
  const lost = async (small: Opened, message: object): Promise<{ headers: Headers; id: string }> => {
    const headers = await small.session();
    const res = await post(headers, message, small);
    const [primed] = await take(allEvents(res), 1);
    res.destroy();
    await until(() => small.router.calls.at(-1)?.request.method === 'tools/call');
    return { headers, id: String(primed?.id) };
  };

  test('is so many events of a session: the newest', async () => {
    await using small = await openGateway({ keptEvents: { maxEventsPerSession: 2 } });
    const { headers, id } = await lost(small, slowly(5));
    small.router.release();
    const seen = await take(allEvents(await get(headers, id, small)), 9);
    expect(seen.map(stepOf).filter((step) => step !== 'primed')).toEqual([3, 5]);
  });

  test('is so many bytes of all sessions', async () => {
    await using small = await openGateway({ keptEvents: { maxBytes: 600 } });
    const first = await lost(small, slowly(1));
    small.router.release();
    const second = await lost(small, slowly(2));
    small.router.release();
    await until(async () => (await take(allEvents(await get(second.headers, second.id, small)), 9)).length > 0);
    const reply = await send(`${small.origin}/mcp`, { headers: { ...first.headers, 'Last-Event-ID': first.id } });
    expect(reply.status).toBe(400);
  });

  test('is no answer that is too large: an error in its place says so', async () => {
    await using small = await openGateway({ keptEvents: { maxBytesPerSession: 1000 } });
    const big = call(3, 'progress', { arguments: { wait: true, message: 'x'.repeat(2000) } });
    const { headers, id } = await lost(small, big);
    small.router.release();
    const seen = await until(async () => {
      const events = await take(allEvents(await get(headers, id, small)), 5);
      return events.some((event) => stepOf(event) === 3 && event.data.includes('error')) && events;
    });
    expect(JSON.parse(seen.at(-1)?.data ?? '').error.data.code).toBe('OUTCOME_UNKNOWN');
  });

  test('is kept for a while, and gone after it', async () => {
    let now = 0;
    await using timed = await openGateway({ now: () => now, keptEvents: { windowMs: 500 } });
    const { headers, id } = await lost(timed, slowly(1));
    timed.router.release();
    await until(async () => (await take(allEvents(await get(headers, id, timed)), 9)).length > 0);
    now = 501;
    timed.gateway.tick();
    expect((await send(`${timed.origin}/mcp`, { headers: { ...headers, 'Last-Event-ID': id } })).status).toBe(400);
  });

  test('does not make a question wait for a client that stays away', async () => {
    let now = 0;
    await using timed = await openGateway({ now: () => now, keptEvents: { windowMs: 500 } });
    const headers = await timed.session({ capabilities: { roots: {} } });
    const question = call(1, 'ask', { arguments: { question: { method: 'roots/list' } } });
    const res = await post(headers, question, timed);
    await take(allEvents(res), 2);
    res.destroy();
    await until(() => {
      now += 501;
      timed.gateway.linger();
      return timed.router.answers.length > 0;
    });
    expect(timed.router.answers).toEqual([{ error: { code: -32009, message: expect.any(String) } }]);
  });

  test('gives a question up after 15 s, and keeps the reply for the client that comes back later', async () => {
    let now = 0;
    await using timed = await openGateway({ now: () => now });
    const headers = await timed.session({ capabilities: { roots: {} } });
    const res = await post(headers, call(1, 'ask', { arguments: { question: { method: 'roots/list' } } }), timed);
    const asked = await take(allEvents(res), 2);
    res.destroy();
    await until(async () => (await timed.gateway.connections()) === 0);
    now += 14_000;
    timed.gateway.linger();
    expect(timed.router.answers).toEqual([]);
    now += 2_000;
    timed.gateway.linger();
    await until(() => timed.router.answers.length > 0);
    const later = await take(allEvents(await get(headers, asked.at(-1)?.id, timed)), 9);
    expect(later.map(({ data }) => data).join()).toContain('"code":-32009');
  });

  test('puts the next question of a call to a client that came back for it', async () => {
    let now = 0;
    await using timed = await openGateway({ now: () => now });
    const headers = await timed.session({ capabilities: { roots: {} } });
    const arrival = timed.router.arrival();
    const res = await post(headers, slowly(1), timed);
    const exchange = await arrival;
    const ask = () => exchange.ask?.({ method: 'roots/list' }, { signal: exchange.signal });
    const seen = await take(allEvents(res), 4);
    const first = ask();
    res.destroy();
    await until(async () => (await timed.gateway.connections()) === 0);
    now += 16_000;
    timed.gateway.linger();
    expect(await first).toHaveProperty('error');
    const back = allEvents(await get(headers, seen.at(-1)?.id, timed));
    const second = ask();
    const questions = (await take(back, 4)).filter(({ data }) => data.includes('roots/list'));
    const { id } = JSON.parse(questions.at(-1)?.data ?? '') as { id: string };
    await timed.post({ jsonrpc: '2.0', id, result: { roots: [] } }, { headers });
    expect(await second).toEqual({ result: { roots: [] } });
    timed.router.release();
  });
});

test('the SDK’s client resumes a call whose connection was cut', async () => {
  const requestInit = { headers: { Authorization: 'Bearer alice' } };
  let cut: (() => void) | undefined;
  const cutting: typeof fetch = async (url, init) => {
    if (init?.method !== 'POST' || !String(init.body).includes('"progress"')) return fetch(url, init);
    const abort = new AbortController();
    cut = () => abort.abort();
    return fetch(url, { ...init, signal: abort.signal });
  };
  const transport = new StreamableHTTPClientTransport(new URL(`${open.origin}/mcp`), { requestInit, fetch: cutting });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport as Transport);
  const seen: number[] = [];
  const called = client.callTool({ name: 'progress', arguments: { wait: true, message: 'whole' } }, undefined, {
    onprogress: ({ progress }) => {
      if (seen.push(progress) !== 3) return;
      cut?.();
      open.router.release();
    },
  });
  expect((await called).content).toEqual([{ type: 'text', text: 'whole' }]);
  await client.close();
});
