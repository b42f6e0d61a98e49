import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { type CallEnd, LIMITS, mcp, type ServedCall, type ServedReply } from '../../protocols/mcp/index.ts';
import { after } from '../../src/kernel/index.ts';
import { echo, echoRequest, facing, HandClock, linked, outgoing, RawPeer, sessionOn } from '../support/mux-peers.ts';
import { streamPair } from '@libp2p/utils';
import { until } from '../support/until.ts';
import { valved } from '../support/valve.ts';
import { verifies } from '../support/verifies.ts';

const MIB = 1024 * 1024;
const never = () => new Promise<ServedReply>(() => {});
const bodyOf = (end: CallEnd): Uint8Array => (end.kind === 'result' ? end.body : Buffer.from(end.kind));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const argument = (call: ServedCall): string =>
  (call.request.params as { arguments: { message: string } }).arguments.message;
const u32 = (value: number): string => value.toString(16).padStart(8, '0');
const DELEGATE = `0001${Buffer.from('delegation of local@abcdefgh').toString('hex')}`;

/** The payload of a CALL of `ping` on server `a`, whose call id is the byte `id` sixteen times over. */
function pingCall(id: string): string {
  const callId = id.repeat(16);
  const hash = createHash('sha256').update(Buffer.from(callId, 'hex')).digest('hex');
  const request = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}').toString('hex');
  return `000001${u32(1000)}${callId}${hash}${u32(0)}0000000161000000${request}`;
}

/** Bytes that differ everywhere, so that a chunk out of place shows. */
function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE(at, at);
  return bytes;
}

/** A serving side that answers every call with 8 MiB, to a peer that does not read until the valve is opened. */
async function unread() {
  const body = patterned(mcp.maxMessageBytes);
  const clock = new HandClock();
  const [near, far] = await streamPair();
  const valve = valved(far);
  valve.shut();
  const asking = sessionOn(near, clock);
  const serving = sessionOn(valve.stream, clock, { serve: async () => ({ body, outcome: 'ok', reason: '' }) });
  return { clock, asking, serving, valve };
}

describe('large messages', () => {
  verifies('mcp/R14', 'small calls overtake a result of 8 MiB on the same stream', async () => {
    const big = patterned(mcp.maxMessageBytes);
    const serve = async (call: ServedCall) =>
      argument(call) === 'big' ? { body: big, outcome: 'ok' as const, reason: '' } : echo(call);
    const { clock, asking } = await linked({ serving: { serve } });
    const order: string[] = [];
    const ask = async (message: string) => {
      const end = await asking.session.call(outgoing(clock, echoRequest(message)));
      order.push(message);
      return end;
    };
    const large = ask('big');
    const small: Promise<CallEnd>[] = [];
    for (let count = 0; count < 50; count++) {
      small.push(ask(`small ${count}`));
      await new Promise(setImmediate);
    }
    expect((await Promise.all(small)).every(({ kind }) => kind === 'result')).toBe(true);
    expect(digest(bodyOf(await large))).toBe(digest(big));
    expect(order.at(-1)).toBe('big');
  });

  verifies('mcp/R14', 'a request of many chunks arrives whole, beside others', async () => {
    const { clock, asking, serving } = await linked();
    const long = ['a', 'b', 'c'].map((letter) => letter.repeat(2 * MIB));
    const ended = await Promise.all(
      [...long, 'short'].map((message) => asking.session.call(outgoing(clock, echoRequest(message)))),
    );
    expect(ended.every(({ kind }) => kind === 'result')).toBe(true);
    expect(serving.served.map((call) => argument(call).length).sort()).toEqual([2 * MIB, 2 * MIB, 2 * MIB, 5]);
    expect(new Set(serving.served.map((call) => argument(call)[0]))).toEqual(new Set(['a', 'b', 'c', 's']));
  });

  verifies(
    'mcp/R37',
    'a request that holds more than its bytes are worth is refused, and the stream goes on',
    async () => {
      const { clock, asking, serving } = await linked();
      const names = Object.fromEntries(Array.from({ length: 16_385 }, (_, at) => [`name ${at}`, 1]));
      const deep = JSON.parse(`${'['.repeat(1_100)}${']'.repeat(1_100)}`);
      const few = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`);
      const ask = (more: unknown) => {
        const request = echoRequest('hi');
        const params = { ...request.params, arguments: { message: 'hi', more } };
        return asking.session.call(outgoing(clock, { ...request, params }));
      };
      const ends = await Promise.all([names, Array.from({ length: 524_288 }, () => []), deep, few].map(ask));
      expect(ends).toMatchObject([
        { kind: 'refused', because: 'too-large' },
        { kind: 'refused', because: 'too-large' },
        { kind: 'refused', because: 'too-large' },
        { kind: 'result', outcome: 'ok' },
      ]);
      expect(serving.served).toHaveLength(1);
    },
  );

  verifies('mcp/R14', 'chunks are of 32 KiB, the first says how long the whole is', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('x'.repeat(70_000))));
    await until(() => raw.got.some(({ type }) => type === 0x42));
    const chunks = raw.got.filter(({ type }) => (type & 0x3f) === 2);
    expect(chunks.map(({ type }) => type)).toEqual([0x82, 0xc2, 0x42]);
    const total = Number.parseInt(chunks[0]?.payload.slice(0, 8) ?? '', 16);
    const lengths = chunks.map(({ payload }) => payload.length / 2);
    expect(lengths.slice(0, 2)).toEqual([4 + 32 * 1024, 32 * 1024]);
    expect(lengths.reduce((sum, length) => sum + length, -4)).toBe(total);
    it.session.abort();
    await ended;
  });

  verifies('mcp/R15', 'chunks that do not add up end the stream', async () => {
    const first = (total: number, bytes: number) => [0x82, u32(total) + '00'.repeat(bytes)] as const;
    const next = (more: boolean, bytes: number) => [more ? 0xc2 : 0x42, '00'.repeat(bytes)] as const;
    const bad = [
      [first(10, 10)],
      [first(10, 20)],
      [first(10, 4), next(true, 6)],
      [first(10, 4), next(false, 5)],
      [first(10, 4), next(false, 7)],
      [first(10, 4), next(true, 0)],
      [first(10, 4), first(10, 4)],
      [[0x82, '0000']] as const,
      [[0x86, `${u32(10)}00`]] as const,
      [[0x80, `${u32(10)}00`]] as const,
    ];
    for (const [index, sent] of bad.entries()) {
      const { raw, it } = await facing();
      for (const [type, payload] of sent) raw.send(type, 1, payload);
      await until(() => it.ends.length === 1, { what: `the end of case ${index}` });
      expect(it.ends, `case ${index}`).toEqual(['WIRE_MALFORMED']);
    }
  });

  verifies('mcp/R15', 'a later chunk of a message that nobody waits for is dropped', async () => {
    const { raw, it } = await facing();
    raw.send(0xc3, 7, '00');
    raw.send(0x43, 7, '00');
    raw.send(0x83, 7, `${u32(100)}00`);
    raw.send(6, 1);
    await until(() => raw.of(7).length === 1);
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R16', 'a message announced as longer than 8 MiB ends the stream', async () => {
    const { raw, it } = await facing();
    raw.send(0x82, 1, `${u32(mcp.maxMessageBytes + MIB)}00`);
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_TOO_LARGE']);
  });

  verifies('mcp/R16', 'what is half sent has a bound, as announced', async () => {
    const { raw, it } = await facing();
    for (let key = 1; key <= 9; key++) raw.send(0x82, key, `${u32(mcp.maxMessageBytes)}00`);
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_TOO_LARGE']);
  });

  verifies('mcp/R16', 'a request over 8 MiB is not sent, and a result over it says that it ran', async () => {
    const body = Buffer.alloc(mcp.maxMessageBytes + 1);
    const { clock, asking, serving } = await linked({
      serving: { serve: async () => ({ body, outcome: 'ok', reason: '' }) },
    });
    const request = echoRequest('x'.repeat(mcp.maxMessageBytes));
    expect(await asking.session.call(outgoing(clock, request))).toEqual({ kind: 'unsent', because: 'too-large' });
    const ended = await asking.session.call(outgoing(clock, echoRequest('hi')));
    expect(ended).toMatchObject({ kind: 'result', outcome: 'unknown', reason: 'TOO_LARGE' });
    expect(serving.served.length).toBe(1);
  });

  verifies('mcp/R16', 'many large results at once all arrive: none is begun that would pass the bound', async () => {
    const serve = async (call: ServedCall): Promise<ServedReply> => ({
      body: patterned(Number(argument(call))),
      outcome: 'ok',
      reason: '',
    });
    const { clock, asking } = await linked({ serving: { serve } });
    const sizes = [7, 7, 7, 7, 7, 7, 1, 2, 0.5].map((size) => size * MIB);
    const ended = await Promise.all(
      sizes.map((size) => asking.session.call(outgoing(clock, echoRequest(String(size))))),
    );
    expect(ended.map((end) => bodyOf(end).length)).toEqual(sizes);
    expect(ended.map((end) => digest(bodyOf(end)))).toEqual(sizes.map((size) => digest(patterned(size))));
  });

  verifies('mcp/R16', 'no more than four messages over a mebibyte are half sent at a time', async () => {
    const body = patterned(2 * MIB);
    const { raw } = await facing({ serve: async () => ({ body, outcome: 'ok', reason: '' }) });
    raw.send(1, 0, DELEGATE);
    for (let key = 1; key <= 9; key++) raw.send(2, key, pingCall(key.toString().padStart(2, '0')));
    await until(() => raw.got.filter(({ type }) => type === 0x43).length === 9);
    const half = new Set<number>();
    let most = 0;
    for (const { type, key } of raw.got) {
      if ((type & 0x80) !== 0) half.add(key);
      else half.delete(key);
      most = Math.max(most, half.size);
    }
    expect(most).toBe(4);
  });

  verifies('mcp/R10', 'a large call refused at its first chunk sends no more of them', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('x'.repeat(4 * MIB))));
    while (raw.got.length < 2) await new Promise(setImmediate);
    raw.send(9, 1, '04');
    expect(await ended).toEqual({ kind: 'refused', because: 'busy' });
    expect(it.session.stats.queuedBytes).toBe(0);
  });

  verifies('mcp/R12', 'a large call cancelled half way is known not to have begun', async () => {
    const stop = new AbortController();
    const { clock, asking, serving } = await linked();
    const ended = asking.session.call(outgoing(clock, echoRequest('x'.repeat(4 * MIB)), { signal: stop.signal }));
    while (asking.session.stats.bytesOut === 0) await new Promise(setImmediate);
    stop.abort();
    expect(await ended).toEqual({ kind: 'cancelled', sent: false });
    expect(asking.session.stats.queuedBytes).toBeLessThan(100);
    expect((await asking.session.call(outgoing(clock, echoRequest('after')))).kind).toBe('result');
    expect(serving.served.map(argument)).toEqual(['after']);
  });

  verifies('mcp/R12', 'a large result cancelled half way lets the next ones through', async () => {
    const stop = new AbortController();
    const serve = async (call: ServedCall): Promise<ServedReply> =>
      argument(call) === 'big' ? { body: patterned(8 * MIB), outcome: 'ok', reason: '' } : echo(call);
    const { clock, asking, serving } = await linked({ serving: { serve } });
    const ended = asking.session.call(outgoing(clock, echoRequest('big'), { signal: stop.signal }));
    while (asking.session.stats.bytesIn === 0) await new Promise(setImmediate);
    stop.abort();
    expect((await ended).kind).toBe('cancelled');
    await until(() => serving.session.stats.queuedBytes === 0);
    expect((await asking.session.call(outgoing(clock, echoRequest('after')))).kind).toBe('result');
    expect(asking.ends).toEqual([]);
  });
});

describe('bounds', () => {
  verifies(
    'mcp/R17',
    'a call over the bound in flight is refused as busy, and a place is free again when one ends',
    async () => {
      const finish: (() => void)[] = [];
      const serve = async (call: ServedCall) => {
        await new Promise<void>((resolve) => finish.push(resolve));
        return echo(call);
      };
      const { clock, asking, serving } = await linked({ serving: { serve }, maxInFlight: 2 });
      const three = [1, 2, 3].map(() => asking.session.call(outgoing(clock, echoRequest('hi'))));
      expect(await three[2]).toEqual({ kind: 'refused', because: 'busy' });
      expect(serving.served.length).toBe(2);
      finish[0]?.();
      expect((await three[0])?.kind).toBe('result');
      const fourth = asking.session.call(outgoing(clock, echoRequest('hi')));
      await until(() => finish.length === 3);
      for (const each of finish) each();
      expect((await fourth).kind).toBe('result');
      await three[1];
    },
  );

  verifies('mcp/R17', 'a caller keeps to its own bound without asking', async () => {
    const clock = new HandClock();
    const [near, far] = await streamPair();
    const { session } = sessionOn(near, clock, {}, 2);
    const raw = new RawPeer(far);
    const three = [1, 2, 3].map(() => session.call(outgoing(clock, echoRequest('hi'))));
    expect(await three[2]).toEqual({ kind: 'unsent', because: 'busy' });
    await until(() => raw.of(2).length === 2);
    session.abort();
    await Promise.all(three);
  });

  verifies(
    'mcp/R18',
    'a peer that does not read stops the writing, not the memory: calls are refused, results wait',
    async () => {
      const { clock, asking, serving, valve } = await unread();
      const asked: PromiseLike<CallEnd>[] = [];
      for (let count = 0; count < 12; count++) {
        const before = serving.session.stats.bytesIn;
        asked.push(asking.session.call(outgoing(clock, echoRequest('hi'))));
        await until(() => serving.session.stats.bytesIn > before && serving.session.stats.served === 0);
      }
      // Calls are refused once 32 MiB wait: four results of 8 MiB and their heads are that.
      expect(serving.served.length).toBe(4);
      expect(serving.session.stats.queuedBytes).toBeLessThan(LIMITS.maxQueueBytes);
      expect(serving.session.stats.bytesOut).toBe(0);
      expect(serving.session.notice('topic', Buffer.from('dropped'))).toBe(false);
      valve.open();
      const ended = await Promise.all(asked);
      expect(ended.slice(0, 4).map((end) => bodyOf(end).length)).toEqual(Array(4).fill(mcp.maxMessageBytes));
      expect(ended.slice(4)).toEqual(Array(8).fill({ kind: 'refused', because: 'busy' }));
    },
  );

  verifies(
    'mcp/R18',
    'results that nobody takes are given up above 64 MiB, and their callers told that they ran',
    async () => {
      const { clock, asking, serving, valve } = await unread();
      const asked = Array.from({ length: 12 }, () => asking.session.call(outgoing(clock, echoRequest('hi'))));
      await until(() => serving.served.length === 12 && serving.session.stats.served === 0);
      expect(serving.session.stats.queuedBytes).toBeLessThanOrEqual(LIMITS.maxQueueBytes);
      valve.open();
      const outcomes = (await Promise.all(asked)).map((end) => (end.kind === 'result' ? end.outcome : end.kind));
      expect(outcomes).toEqual([...Array(7).fill('ok'), ...Array(5).fill('unknown')]);
    },
  );

  verifies('mcp/R18', 'a peer that asks on and on and never reads loses the stream', async () => {
    const clock = new HandClock();
    const [near, far] = await streamPair();
    const valve = valved(near);
    const it = sessionOn(valve.stream, clock);
    valve.shut();
    const pings = Buffer.from('0000000506000000ff'.repeat(100_000), 'hex');
    for (let round = 0; round < 200 && it.ends.length === 0; round++) {
      const before = it.session.stats.bytesIn;
      far.send(pings);
      await until(() => it.ends.length > 0 || it.session.stats.bytesIn - before === pings.length, { intervalMs: 1 });
    }
    expect(it.ends).toEqual(['WIRE_TOO_LARGE']);
    expect(it.session.stats.bytesIn).toBeLessThan(80 * MIB);
  });

  verifies('mcp/R18', 'the writing stops at the stream’s word and goes on at its drain', async () => {
    const clock = new HandClock();
    const [near, far] = await streamPair({ capacity: 1, delay: 1 });
    const { session } = sessionOn(near, clock);
    const raw = new RawPeer(far);
    const asked = Array.from({ length: 100 }, (_, index) =>
      session.call(outgoing(clock, echoRequest(`${index}`.padEnd(20_000)))),
    );
    await until(() => raw.of(2).length === 100);
    session.abort();
    expect((await Promise.all(asked)).every(({ kind }) => kind === 'lost')).toBe(true);
  });

  verifies('mcp/R23', 'a key that is in use ends the stream', async () => {
    const { raw, it } = await facing({ serve: never });
    raw.send(1, 0, DELEGATE);
    raw.send(2, 5, pingCall('11'));
    await until(() => it.served.length === 1);
    raw.send(2, 5, pingCall('22'));
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_MALFORMED']);
    expect(it.served[0]?.context.signal.aborted).toBe(true);
  });
});

describe('the life of a stream', () => {
  verifies('mcp/R19', 'after a goodbye what runs is finished, nothing is begun, and the stream closes', async () => {
    const finish = Promise.withResolvers<void>();
    const serve = async (call: ServedCall) => {
      await finish.promise;
      return echo(call);
    };
    const { clock, asking, serving } = await linked({ serving: { serve } });
    const first = asking.session.call(outgoing(clock, echoRequest('first')));
    await until(() => serving.served.length === 1);
    serving.session.drain();
    const late = asking.session.call(outgoing(clock, echoRequest('late')));
    expect(await late).toEqual({ kind: 'refused', because: 'draining' });
    await until(() => !asking.session.open);
    expect(asking.ends).toEqual([]);
    finish.resolve();
    expect((await first).kind).toBe('result');
    await until(() => asking.ends.length + serving.ends.length === 2);
    expect([asking.ends, serving.ends]).toEqual([[''], ['']]);
  });

  verifies('mcp/R20', 'a ping goes out every 3 s and its answer measures the way', async () => {
    const { clock, raw, it } = await facing();
    it.session.tick(clock.at);
    clock.pass(1_000);
    it.session.tick(clock.at);
    await until(() => raw.of(6).length === 1);
    clock.pass(500);
    raw.send(7, raw.got[0]?.key ?? 0);
    await until(() => it.session.stats.rttMs === 1_500);
    clock.pass(1_500);
    it.session.tick(clock.at);
    await until(() => raw.of(6).length === 2);
    raw.send(6, 77);
    await until(() => raw.got.some(({ type, key }) => type === 7 && key === 77));
  });

  verifies('mcp/R20', 'a peer that is silent for 8 s is gone', async () => {
    const { clock, it, raw } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('hi')));
    await until(() => raw.of(2).length === 1);
    for (let second = 1; second < 8; second++) {
      clock.pass(1_000);
      it.session.tick(clock.at);
    }
    expect(it.ends).toEqual([]);
    clock.pass(1_000);
    it.session.tick(clock.at);
    expect(it.ends).toEqual(['WIRE_TIMEOUT']);
    expect(await ended).toEqual({ kind: 'lost' });
  });

  verifies('mcp/R20', 'a node that stood still itself does not take its peers for dead', async () => {
    const { clock, it } = await facing();
    it.session.tick(clock.at);
    clock.pass(60_000);
    it.session.tick(clock.at);
    expect(it.ends).toEqual([]);
  });

  /** Looks at the session every 250 ms, `times` over, and lets it read what came in between. */
  const look = async ({ clock, it }: Awaited<ReturnType<typeof facing>>, times: number) => {
    for (let count = 0; count < times; count++) {
      clock.pass(250);
      await new Promise(setImmediate);
      it.session.watch(clock.at);
      it.session.letGo();
    }
  };
  const movable = { mayMove: () => true };

  verifies(
    'mcp/R36',
    'a peer that owes an answer is pinged after half a second, and silent a second later',
    async () => {
      const facingIt = await facing();
      const { clock, raw, it } = facingIt;
      await look(facingIt, 20);
      expect(raw.of(6)).toEqual([]);
      void it.session.call(outgoing(clock, echoRequest('hi')));
      await until(() => raw.of(2).length === 1);
      raw.send(6, 77);
      await until(() => raw.of(7).length === 1);
      await look(facingIt, 2);
      await until(() => raw.of(6).length === 1);
      await look(facingIt, 3);
      expect(it.session.silent).toBe(false);
      await look(facingIt, 1);
      expect(it.session.silent).toBe(true);
      raw.send(7, 1);
      const { bytesIn } = it.session.stats;
      await until(() => it.session.stats.bytesIn > bytesIn || !it.session.silent);
      await look(facingIt, 1);
      expect(it.session.silent).toBe(false);
      it.session.abort();
    },
  );

  verifies(
    'mcp/R36',
    'what may be made elsewhere is cancelled at a silent peer; the rest waits and is answered late',
    async () => {
      const facingIt = await facing();
      const { clock, raw, it } = facingIt;
      const moved = it.session.call(outgoing(clock, echoRequest('again')));
      const goes = it.session.call({ ...outgoing(clock, echoRequest('again')), movable });
      await until(() => raw.of(2).length === 2);
      await look(facingIt, 7);
      expect(await goes).toEqual({ kind: 'silent', sent: true });
      await until(() => raw.of(5).length === 1);
      expect(raw.got.find(({ type }) => type === 5)?.key).toBe(2);
      expect(it.session.stats.asked).toBe(1);
      raw.send(3, 2, '00007b7d');
      raw.send(3, 1, '00007b7d');
      expect((await moved).kind).toBe('result');
      expect(it.ends).toEqual([]);
    },
  );

  verifies('mcp/R36', 'a call given up as another is taken away is cancelled once', async () => {
    const facingIt = await facing();
    const { clock, raw, it } = facingIt;
    const given = new AbortController();
    const first = it.session.call({ ...outgoing(clock, echoRequest('again')), movable });
    const context = { signal: given.signal };
    const other = it.session.call({ ...outgoing(clock, echoRequest('again'), context), movable });
    void after(first, () => given.abort());
    await until(() => raw.of(2).length === 2);
    await look(facingIt, 7);
    expect(await other).toEqual({ kind: 'cancelled', sent: true });
    raw.send(6, 77);
    await until(() => raw.of(7).length === 1);
    expect(raw.of(5).length).toBe(2);
  });

  verifies('mcp/R36', 'a node that stood still itself takes no call away', async () => {
    const facingIt = await facing();
    const { clock, it, raw } = facingIt;
    const call = it.session.call({ ...outgoing(clock, echoRequest('hi')), movable });
    await until(() => raw.of(2).length === 1);
    clock.pass(2_500);
    it.session.watch(clock.at);
    it.session.letGo();
    clock.pass(2_500);
    it.session.watch(clock.at);
    it.session.letGo();
    expect(it.session.silent).toBe(false);
    raw.send(3, 1, '00007b7d');
    expect((await call).kind).toBe('result');
  });

  verifies('mcp/R21', 'related messages arrive before the result and in order, large ones too', async () => {
    const messages = ['one', 'x'.repeat(100_000), 'two', 'y'.repeat(40_000), 'three'];
    const serve = async (call: ServedCall) => {
      for (const message of messages) call.context.onRelated?.(Buffer.from(message));
      return echo(call);
    };
    const { clock, asking } = await linked({ serving: { serve } });
    const heard: string[] = [];
    const onRelated = (message: Uint8Array) => heard.push(Buffer.from(message).toString());
    const ended = await asking.session.call(outgoing(clock, echoRequest('hi'), { onRelated }));
    expect(ended.kind).toBe('result');
    expect(heard).toEqual(messages);
  });

  verifies('mcp/R21', 'a related message after the result is dropped', async () => {
    let late: ((message: Uint8Array) => void) | undefined;
    const serve = async (call: ServedCall) => {
      late = call.context.onRelated;
      return echo(call);
    };
    const { clock, asking, serving } = await linked({ serving: { serve } });
    await asking.session.call(outgoing(clock, echoRequest('hi')));
    const before = serving.session.stats.bytesOut;
    late?.(Buffer.from('late'));
    await asking.session.call(outgoing(clock, echoRequest('hi')));
    expect(serving.session.stats.bytesOut - before).toBeLessThan(150);
  });

  verifies(
    'mcp/R22',
    'a notice is heard at the other end; one out of bounds is not sent and ends the stream that brings it',
    async () => {
      const { asking, serving } = await linked();
      expect(asking.session.notice('directory', Buffer.from('seq=2'))).toBe(true);
      expect(asking.session.notice('directory', Buffer.alloc(LIMITS.maxNoticeBytes + 1))).toBe(false);
      await until(() => serving.notices.length === 1);
      expect(serving.notices).toEqual(['directory: seq=2']);
      for (const hex of ['', '05aa', 'ff'.repeat(200), `0161${'00'.repeat(LIMITS.maxNoticeBytes + 1)}`]) {
        const { raw, it } = await facing();
        raw.send(8, 0, hex);
        await until(() => it.ends.length === 1);
        expect(it.ends).toEqual(['WIRE_MALFORMED']);
      }
    },
  );
});
