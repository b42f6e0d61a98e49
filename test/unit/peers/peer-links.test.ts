import { describe, expect, test } from 'vitest';
import type { CallContext, CallEnd, OutgoingCall, ServedCall } from '../../../protocols/mcp/index.ts';
import { echo, echoRequest, principal } from '../../support/mux-peers.ts';
import { PeerNetwork } from '../../support/peer-network.ts';
import { until } from '../../support/until.ts';

let made = 0;
function call(message = 'hi', context: Partial<CallContext> = {}): OutgoingCall {
  const callId = Buffer.alloc(16);
  callId.writeUInt32BE(++made);
  return {
    server: 'everything',
    request: echoRequest(message),
    context: {
      principal: principal(),
      era: 'session',
      callId,
      deadlineAt: performance.now() + 5_000,
      signal: new AbortController().signal,
      ...context,
    },
  };
}
const kinds = (ends: readonly CallEnd[]) => [...new Set(ends.map(({ kind }) => kind))];

/** A gate that lets nobody through before a second one comes. */
function bothAtOnce(): () => Promise<void> {
  const both = Promise.withResolvers<void>();
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === 2) both.resolve();
    return both.promise;
  };
}

describe('links between peers', () => {
  test('many calls at once open one stream, and the other side calls back over it', async () => {
    const network = new PeerNetwork();
    const a = network.node('a');
    const b = network.node('b');
    const ends = await Promise.all(Array.from({ length: 30 }, async () => await a.links.call('b', call())));
    expect(kinds(ends)).toEqual(['result']);
    expect((await b.links.call('a', call())).kind).toBe('result');
    expect(network.opened.map(({ by }) => by)).toEqual(['a']);
    expect(a.links.status()).toMatchObject([{ nodeId: 'b', asked: 0, served: 0, kept: false }]);
    expect(a.links.status()[0]?.bytesIn).toBeGreaterThan(30 * 50);
  });

  test('streams that cross leave one, the one of the smaller id, and no call is lost', async () => {
    const network = new PeerNetwork();
    network.gate = bothAtOnce();
    const a = network.node('a');
    const b = network.node('b');
    const ends = await Promise.all([
      ...Array.from({ length: 5 }, () => a.links.call('b', call())),
      ...Array.from({ length: 5 }, () => b.links.call('a', call())),
    ]);
    expect(kinds(ends)).toEqual(['result']);
    expect(network.opened.map(({ by }) => by).sort()).toEqual(['a', 'b']);
    const of = (by: string) => network.opened.find((stream) => stream.by === by)?.ends[0].status;
    await until(() => of('b') !== 'open');
    expect(of('a')).toBe('open');
    expect((await a.links.call('b', call())).kind).toBe('result');
    expect((await b.links.call('a', call())).kind).toBe('result');
    expect(network.opened.length).toBe(2);
  });

  test('streams that cross lose no link, though one side learns late that its own is open', async () => {
    const network = new PeerNetwork();
    const late = Promise.withResolvers<void>();
    network.settled = (by) => (by === 'a' ? late.promise : Promise.resolve());
    const a = network.node('a');
    const b = network.node('b');
    const lost: string[] = [];
    for (const { links } of [a, b]) links.onLost((nodeId) => void lost.push(nodeId));
    network.gate = bothAtOnce();
    const ours = a.links.call('b', call());
    const theirs = b.links.call('a', call());
    const left = () => network.opened.find(({ by }) => by === 'b')?.ends[0];
    await until(() => network.opened.length === 2 && left()?.status !== 'open');
    expect(lost).toEqual([]);
    late.resolve();
    expect(kinds(await Promise.all([ours, theirs]))).toEqual(['result']);
    expect((await b.links.call('a', call())).kind).toBe('result');
    expect([network.opened.length, lost]).toEqual([2, []]);
  });

  test('a link that is lost while another is being opened is told of once that fails', async () => {
    const network = new PeerNetwork();
    const late = Promise.withResolvers<void>();
    const a = network.node('a');
    const b = network.node('b');
    const lost: string[] = [];
    a.links.onLost((nodeId, { silent }) => void lost.push(`${nodeId} ${silent}`));
    network.settled = (by) => (by === 'a' ? late.promise : Promise.resolve());
    network.gate = bothAtOnce();
    const ours = a.links.call('b', call());
    void b.links.call('a', call());
    await until(() => network.opened.length === 2);
    for (const { ends } of network.opened) for (const end of ends) end.abort(new Error('cut'));
    await until(() => a.links.status().length === 0);
    expect(lost).toEqual([]);
    late.reject(new Error('cut'));
    expect(await ours).toEqual({ kind: 'unsent', because: 'closed' });
    await until(() => lost.length > 0);
    expect(lost).toEqual(['b true']);
  });

  test('a peer that cannot be reached ends the call as not begun, and the next call tries again', async () => {
    const network = new PeerNetwork();
    const a = network.node('a');
    network.node('b');
    network.gate = () => Promise.reject(new Error('no route'));
    expect(await a.links.call('b', call())).toEqual({ kind: 'unsent', because: 'closed' });
    network.gate = async () => {};
    expect((await a.links.call('b', call())).kind).toBe('result');
    expect(a.links.status().map(({ nodeId }) => nodeId)).toEqual(['b']);
  });

  test('a deadline holds while the stream is being opened', async () => {
    const network = new PeerNetwork();
    const a = network.node('a');
    network.node('b');
    network.gate = () => new Promise(() => {});
    const ended = await a.links.call('b', call('hi', { deadlineAt: performance.now() + 30 }));
    expect(ended).toEqual({ kind: 'deadline', sent: false });
  });

  test('a lost link is told once, its calls end as lost, and a later call opens another', async () => {
    const network = new PeerNetwork();
    const serve = () => new Promise<never>(() => {});
    const a = network.node('a');
    const b = network.node('b', { serve });
    const lost: string[] = [];
    a.links.onLost((nodeId) => lost.push(nodeId));
    const ended = a.links.call('b', call());
    await until(() => b.links.status()[0]?.served === 1);
    network.opened[0]?.ends[1].abort(new Error('cut'));
    expect(await ended).toEqual({ kind: 'lost' });
    await until(() => lost.length > 0);
    expect(lost).toEqual(['b']);
    expect(a.links.status()).toEqual([]);
    void a.links.call('b', call());
    await until(() => a.links.status().length === 1);
    await Promise.all([a.links.stop({ graceMs: 0 }), b.links.stop({ graceMs: 0 })]);
  });

  test('a kept link is opened without a call, and anew when it is lost, until it is let go', async () => {
    const network = new PeerNetwork();
    const a = network.node('a');
    network.node('b');
    const letGo = a.links.keep('b');
    await until(() => a.links.status()[0]?.kept === true);
    a.links.start();
    network.opened[0]?.ends[1].abort(new Error('cut'));
    await until(() => network.opened.length === 2 && a.links.status().length === 1);
    letGo();
    expect(a.links.status()[0]?.kept).toBe(false);
    network.opened[1]?.ends[1].abort(new Error('cut'));
    await until(() => a.links.status().length === 0);
    await a.links.stop({ graceMs: 0 });
    expect(network.opened.length).toBe(2);
  });

  test('stopping finishes what runs, begins nothing, and closes in order', async () => {
    const network = new PeerNetwork();
    const finish = Promise.withResolvers<void>();
    const serve = async (served: ServedCall) => {
      await finish.promise;
      return echo(served);
    };
    const a = network.node('a');
    const b = network.node('b', { serve });
    const running = a.links.call('b', call());
    await until(() => b.links.status()[0]?.served === 1);
    const stopped = b.links.stop({ graceMs: 3_000 });
    const late = await a.links.call('b', call());
    expect(['refused', 'unsent']).toContain(late.kind);
    finish.resolve();
    expect((await running).kind).toBe('result');
    await stopped;
    expect(b.links.status()).toEqual([]);
  });

  test('stopping does not wait longer than it may', async () => {
    const network = new PeerNetwork();
    const a = network.node('a');
    const b = network.node('b', { serve: () => new Promise(() => {}) });
    const running = a.links.call('b', call());
    await until(() => b.links.status()[0]?.served === 1);
    await b.links.stop({ graceMs: 20 });
    expect((await running).kind).toBe('lost');
    expect(await b.links.call('a', call())).toEqual({ kind: 'unsent', because: 'closed' });
  });

  test('a notice goes to every open link and says from whom it came', async () => {
    const network = new PeerNetwork();
    const [a, b, c] = [network.node('a'), network.node('b'), network.node('c')];
    await Promise.all([a.links.call('b', call()), a.links.call('c', call())]);
    const heard: string[] = [];
    for (const { links } of [b, c])
      links.onNotice((from, topic, body) => heard.push(`${from} ${topic} ${Buffer.from(body).toString()}`));
    expect(a.links.notice('directory', Buffer.from('seq=2'))).toBe(2);
    await until(() => heard.length === 2);
    expect(heard).toEqual(['a directory seq=2', 'a directory seq=2']);
  });

  test('a peer that sends garbage is reported and loses its stream; others notice nothing', async () => {
    const network = new PeerNetwork();
    const [a, b] = [network.node('a'), network.node('b')];
    const c = network.node('c');
    await Promise.all([b.links.call('a', call()), c.links.call('a', call())]);
    network.opened[0]?.ends[0].send(Buffer.from('40000000', 'hex'));
    await until(() => a.reports.length === 1);
    expect(a.reports).toEqual([['peer.misbehaved', { peer: 'b', protocol: 'mcp/1', reason: 'WIRE_TOO_LARGE' }]]);
    expect((await c.links.call('a', call())).kind).toBe('result');
    expect(a.links.status().map(({ nodeId }) => nodeId)).toEqual(['c']);
  });
});
