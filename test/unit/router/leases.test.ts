import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PeerWatches } from '../../../node/router/peer-watches.ts';
import { HostedWatches } from '../../../node/router/hosted-watches.ts';
import { Leases } from '../../../node/router/leases.ts';
import { subscribeTo, unsubscribeFrom } from '../../../node/router/watch.ts';
import { success } from '../../../node/backends/reply.ts';
import type { Awaitable, BackendReply } from '../../../node/backends/backend.ts';
import type { RpcRequest } from '../../../src/mcp/index.ts';
import { contextFor } from '../../support/hosting.ts';
import { NotingServer } from '../../support/router-network.ts';

const MINUTE = 60_000;
const inBackground = (
  _who: unknown,
  _era: unknown,
  run: (context: ReturnType<typeof contextFor>) => Awaitable<BackendReply>,
) => Promise.resolve(run(contextFor()));

let now = 0;
const clock = { now: () => now, chance: () => 0 };
async function pass(ms: number): Promise<void> {
  for (let left = ms; left >= 0; left -= 1_000) {
    const step = Math.min(left, 1_000);
    now += step;
    await vi.advanceTimersByTimeAsync(step);
  }
}

beforeEach(() => {
  now = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('what a peer subscribed to here', () => {
  const notes = () => new NotingServer('notes');
  let server: NotingServer;
  let told: [peer: string, body: unknown][];
  let takes: boolean;
  let mayRead: boolean;
  let lost: (peer: string) => void;
  let leases: Leases;
  beforeEach(() => {
    server = notes();
    told = [];
    takes = true;
    mayRead = true;
    const links = {
      tell: (peer: string, _topic: string, body: Uint8Array) => {
        if (takes) told.push([peer, JSON.parse(Buffer.from(body).toString())]);
        return takes;
      },
      onLost: (listener: (peer: string, how: { silent: boolean }) => void) => {
        lost = (peer) => listener(peer, { silent: false });
        return () => undefined;
      },
      onNotice: () => () => undefined,
      silent: new Set<string>(),
      keep: () => () => undefined,
    };
    const watches = new HostedWatches({ hosting: { get: () => server }, inBackground, changed: () => undefined });
    leases = new Leases({ links, clock, watches, mayRead: () => mayRead });
  });

  const subscribe = (uri = 'x://a', agent = 'ann') =>
    leases.subscribe({ peer: 'b', server, request: subscribeTo(uri), context: contextFor({ agent }) });

  test('is held for ten minutes and no longer, and not asked for twice when renewed', async () => {
    await subscribe();
    await pass(9 * MINUTE);
    expect((await subscribe()).outcome).toBe('ok');
    await pass(9 * MINUTE);
    expect(server.methods()).toEqual(['resources/subscribe']);
    await pass(2 * MINUTE);
    expect(server.methods()).toEqual(['resources/subscribe', 'resources/unsubscribe']);
    expect(server.listened).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends when it says so, and with the link', async () => {
    await subscribe('x://a');
    await subscribe('x://b');
    leases.unsubscribe({ peer: 'b', server, request: unsubscribeFrom('x://a'), context: contextFor({ agent: 'ann' }) });
    expect(server.listened).toBe(1);
    lost('c');
    expect(server.listened).toBe(1);
    lost('b');
    expect(server.listened).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is told of once for a burst, and again until the peer takes it', async () => {
    await subscribe();
    takes = false;
    for (let i = 0; i < 10; i++) server.update('x://a');
    await pass(1_000);
    takes = true;
    await pass(1_000);
    expect(told).toEqual([['b', { server: 'notes', uri: 'x://a' }]]);
    takes = false;
    server.update('x://a');
    await pass(MINUTE);
    takes = true;
    await pass(MINUTE);
    expect(told.length).toBe(1);
  });

  test('is not told of while its agent may not read it', async () => {
    await subscribe();
    mayRead = false;
    server.update('x://a');
    await pass(1_000);
    mayRead = true;
    server.update('x://a/b');
    await pass(1_000);
    expect(told).toEqual([['b', { server: 'notes', uri: 'x://a/b' }]]);
  });

  test('is bounded: 1,024 for a peer', async () => {
    for (let i = 0; i < 1_024; i++) expect((await subscribe(`x://${i}`)).outcome).toBe('ok');
    const refused = await subscribe('x://more');
    expect([refused.outcome, refused.reason]).toEqual(['failed', 'NO_HEALTHY_SERVER']);
    lost('b');
    expect((await subscribe('x://more')).outcome).toBe('ok');
  });

  test('leaves nothing when the peer goes away while the server is still being asked', async () => {
    const gone = new AbortController();
    const request = subscribeTo('x://a');
    const asking = leases.subscribe({ peer: 'b', server, request, context: contextFor({ signal: gone.signal }) });
    gone.abort();
    await asking;
    await pass(0);
    expect(server.listened).toBe(0);
    expect(server.methods()).toEqual(['resources/subscribe', 'resources/unsubscribe']);
  });
});

describe('what this node subscribed to at a peer', () => {
  let asked: RpcRequest[];
  let answer: 'ok' | 'failed';
  let kept: number;
  let watches: PeerWatches;
  let events: string[];
  beforeEach(() => {
    asked = [];
    answer = 'ok';
    kept = 0;
    events = [];
    const links = {
      tell: () => true,
      onLost: () => () => undefined,
      onNotice: () => () => undefined,
      silent: new Set<string>(),
      keep: () => {
        kept += 1;
        return () => void (kept -= 1);
      },
    };
    watches = new PeerWatches({ links, clock, changed: () => undefined }, inBackground);
  });

  async function join() {
    const backend = {
      kind: 'peer' as const,
      request: async (request: RpcRequest) => {
        asked.push(request);
        return { ...success(request.id, {}), outcome: answer };
      },
    };
    const context = contextFor();
    const place = { nodeId: 'a', alias: 'notes', backend, principal: () => context.principal };
    const heard = { updated: () => void events.push('updated'), lost: () => void events.push('lost') };
    return watches.join(place, { request: subscribeTo('x://a'), context, uri: 'x://a', events: heard });
  }

  test('is asked for anew long before the peer forgets it, and the link is kept', async () => {
    const { leave } = await join();
    expect(kept).toBe(1);
    await pass(9 * MINUTE);
    expect(asked.map(({ method }) => method)).toEqual(Array(3).fill('resources/subscribe'));
    leave?.();
    leave?.();
    expect([kept, vi.getTimerCount()]).toEqual([0, 0]);
    expect(asked.at(-1)?.method).toBe('resources/unsubscribe');
    expect(asked.length).toBe(4);
  });

  test('is lost when the peer will not renew it', async () => {
    await join();
    answer = 'failed';
    await pass(5 * MINUTE);
    expect(events).toEqual(['lost']);
    expect([kept, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('is nothing when the peer refuses it', async () => {
    answer = 'failed';
    expect((await join()).leave).toBeUndefined();
    expect([kept, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
