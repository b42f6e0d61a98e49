import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { argumentsHash, type CallEnd, type ServedCall, type ServedReply } from '../../protocols/mcp/index.ts';
import { parseExactJson } from '../../src/kernel/index.ts';
import type { RpcRequest } from '../../src/mcp/index.ts';
import { echo, echoRequest, facing, linked, outgoing, principal } from '../support/mux-peers.ts';
import { until } from '../support/until.ts';
import { verifies } from '../support/verifies.ts';

const vectors = JSON.parse(readFileSync(new URL('../../protocols/mcp/vectors.json', import.meta.url), 'utf8'));
const frames: Record<string, string> = vectors.frames;
const callId = Buffer.from(vectors.callId, 'hex');
const frame = (name: string): string => frames[name] ?? '';
const payload = (name: string): string => frame(name).slice(18);
const text = (end: CallEnd): string => (end.kind === 'result' ? Buffer.from(end.body).toString() : end.kind);
const never = () => new Promise<ServedReply>(() => {});
const reply = (body: Uint8Array): ServedReply => ({ body, outcome: 'ok', reason: '' });

describe('the bytes', () => {
  verifies('mcp/R1', 'a call, its delegation and its result have the frozen bytes', async () => {
    const { clock, raw, it } = await facing({ delegationFor: () => 'e30.e30.c2ln' });
    const request = JSON.parse(vectors.request);
    const ended = it.session.call(outgoing(clock, request, { callId, era: 'stateless' }));
    await until(() => raw.got.length === 2);
    expect(raw.of(1)).toEqual([payload('delegate')]);
    expect(raw.of(2)).toEqual([payload('call')]);
    raw.sendBytes(frame('result'));
    expect(await ended).toMatchObject({ kind: 'result', outcome: 'ok', reason: '', notStarted: false });
    expect(text(await ended)).toBe(vectors.response);
  });

  verifies('mcp/R1', 'a frozen call is read and answered in frozen bytes', async () => {
    const { raw, it } = await facing({ serve: async () => reply(Buffer.from(vectors.response)) });
    raw.sendBytes(frame('delegate') + frame('callWithTrace'));
    await until(() => raw.of(3).length === 1);
    expect(raw.of(3)).toEqual([payload('result')]);
    expect(it.served[0]).toMatchObject({
      peer: 'peer',
      server: 'everything',
      target: 'echo',
      argumentsHash: vectors.argumentsHash,
    });
    expect(it.served[0]?.request).toEqual(JSON.parse(vectors.request));
    expect(it.served[0]?.context).toMatchObject({
      era: 'session',
      deadlineAt: 30_000,
      traceparent: vectors.traceparent,
      client: new Set(['sampling', 'elicitationForm']),
      logLevel: 'info',
    });
    expect(Buffer.from(it.served[0]?.context.callId ?? []).toString('hex')).toBe(vectors.callId);
  });

  verifies('mcp/R1', 'an outcome, its reason and that it never began travel in the frozen bytes', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('hi')));
    raw.sendBytes(frame('resultNotStarted'));
    expect(await ended).toMatchObject({ outcome: 'failed', reason: 'NO_HEALTHY_SERVER', notStarted: true });
  });

  verifies(
    'mcp/R1',
    'garbage, a length of 1 GiB and a result without a header end the stream and nothing else',
    async () => {
      for (const hex of [
        'ff'.repeat(64),
        '40000000',
        '00000000',
        '0000000603000000' + '0100',
        '47455420202f2048545450',
      ]) {
        const { raw, it } = await facing();
        raw.sendBytes(hex);
        await until(() => it.ends.length === 1, { what: `the end after ${hex}` });
        expect(['WIRE_TOO_LARGE', 'WIRE_MALFORMED']).toContain(it.ends[0]);
        expect(raw.stream.status).not.toBe('open');
      }
    },
  );

  verifies('mcp/R1', 'any bytes at all end the stream or are frames, and never throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const { raw, it } = await facing();
        raw.stream.send(bytes);
        raw.send(6, 99);
        await until(() => it.ends.length > 0 || it.session.stats.bytesIn === bytes.length + 9);
        expect(it.served).toEqual([]);
        it.session.abort();
      }),
      { numRuns: 40 },
    );
  });

  verifies('mcp/R2', 'an unknown type ends the stream', async () => {
    for (const type of [0, 13, 63]) {
      const { raw, it } = await facing();
      raw.send(type, 1, '00');
      await until(() => it.ends.length === 1);
      expect(it.ends).toEqual(['WIRE_MALFORMED']);
    }
  });

  verifies('mcp/R2', 'half a frame and then the end is an end like any other', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('hi')));
    await until(() => raw.of(2).length === 1);
    raw.sendBytes(frame('result').slice(0, 30));
    await raw.stream.close();
    expect((await ended).kind).toBe('lost');
    expect(it.ends).toEqual(['WIRE_MALFORMED']);
  });
});

describe('delegations', () => {
  verifies('mcp/R3', 'a call before its delegation is refused as unknown, and not begun', async () => {
    const { raw, it } = await facing();
    raw.sendBytes(frame('call'));
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual([payload('refuseUnknownDelegation')]);
    expect(it.served).toEqual([]);
  });

  verifies('mcp/R3', 'a caller whose delegation is not known presents it again, once, and asks again', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('hi')));
    await until(() => raw.of(2).length === 1);
    raw.sendBytes(frame('refuseUnknownDelegation'));
    await until(() => raw.of(2).length === 2);
    expect(raw.of(1).length).toBe(2);
    raw.sendBytes(frame('refuseUnknownDelegation'));
    expect(await ended).toEqual({ kind: 'refused', because: 'unknown-delegation' });
    expect(raw.of(2).length).toBe(2);
  });

  verifies('mcp/R3', 'a delegation is presented once for many calls and again when it is renewed', async () => {
    let delegation = 'first';
    const { clock, raw, it } = await facing({ delegationFor: () => delegation });
    const asking = [1, 2, 3].map(() => it.session.call(outgoing(clock, echoRequest('hi'))));
    await until(() => raw.of(2).length === 3);
    expect(raw.of(1)).toEqual([`0001${Buffer.from('first').toString('hex')}`]);
    delegation = 'second';
    asking.push(it.session.call(outgoing(clock, echoRequest('hi'))));
    await until(() => raw.of(2).length === 4);
    expect(raw.of(1)[1]).toBe(`0001${Buffer.from('second').toString('hex')}`);
    it.session.abort();
    expect((await Promise.all(asking)).map(({ kind }) => kind)).toEqual(['lost', 'lost', 'lost', 'lost']);
  });

  verifies('mcp/R3', 'many calls refused at once present the delegation again once', async () => {
    const { clock, raw, it } = await facing();
    const asking = Array.from({ length: 20 }, () => it.session.call(outgoing(clock, echoRequest('hi'))));
    await until(() => raw.of(2).length === 20);
    for (let key = 1; key <= 20; key++) raw.send(9, key, '01');
    await until(() => raw.of(2).length === 40);
    expect(raw.of(1).length).toBe(2);
    it.session.abort();
    await Promise.all(asking);
  });

  verifies('mcp/R4', 'a refused delegation refuses its calls, and the next call presents anew', async () => {
    let refuse = true;
    const { clock, asking, serving } = await linked({
      serving: {
        accept: () =>
          refuse
            ? { kind: 'refused', because: 'evicted' }
            : { kind: 'accepted', principal: principal('sage'), expiresAtMs: Number.MAX_SAFE_INTEGER },
      },
    });
    const first = await asking.session.call(outgoing(clock, echoRequest('hi')));
    expect(first).toEqual({ kind: 'refused', because: 'delegation-refused' });
    refuse = false;
    expect((await asking.session.call(outgoing(clock, echoRequest('hi')))).kind).toBe('result');
    expect(serving.served.map(({ context }) => context.principal.agentId)).toEqual(['sage']);
  });

  verifies('mcp/R4', 'a delegation is over when its time has come, on the serving side’s clock', async () => {
    const { clock, raw, it } = await facing({
      accept: () => ({ kind: 'accepted', principal: principal(), expiresAtMs: clock0 + 60_000 }),
    });
    const clock0 = clock.wall();
    raw.sendBytes(frame('delegate'));
    await until(() => it.session.stats.bytesIn > 0);
    clock.pass(60_000);
    raw.sendBytes(frame('call'));
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual(['02']);
    expect(it.served).toEqual([]);
  });

  verifies('mcp/R4', 'a delegation that was forgotten is judged again', async () => {
    let looks = 0;
    const accept = () => {
      looks += 1;
      return { kind: 'accepted', principal: principal(), expiresAtMs: Number.MAX_SAFE_INTEGER } as const;
    };
    const { clock, asking, serving } = await linked({ serving: { accept } });
    await asking.session.call(outgoing(clock, echoRequest('hi')));
    serving.session.forget(({ tokenId }) => tokenId === 'other');
    await asking.session.call(outgoing(clock, echoRequest('hi')));
    expect(looks).toBe(1);
    serving.session.forget(({ tokenId }) => tokenId === 'aa');
    expect((await asking.session.call(outgoing(clock, echoRequest('hi')))).kind).toBe('result');
    expect(looks).toBe(2);
  });

  verifies('mcp/R4', 'a peer gets so many delegations looked at in a second', async () => {
    let looks = 0;
    const accept = () => {
      looks += 1;
      return { kind: 'refused', because: 'forged' } as const;
    };
    const { raw, it } = await facing({ accept });
    for (let reference = 1; reference <= 1000; reference++)
      raw.send(1, 0, `${reference.toString(16).padStart(4, '0')}41`);
    raw.send(6, 5);
    await until(() => raw.of(7).length === 1);
    expect(looks).toBe(256);
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R5', 'a reference given to another agent ends the stream', async () => {
    const { raw, it } = await facing();
    raw.send(1, 0, `0001${Buffer.from('delegation of one').toString('hex')}`);
    raw.send(1, 0, `0001${Buffer.from('delegation of two').toString('hex')}`);
    await until(() => it.ends.length === 1);
    expect(it.ends).toEqual(['WIRE_MALFORMED']);
  });

  verifies('mcp/R5', 'two agents of one node never share a reference', async () => {
    const { clock, asking, serving } = await linked();
    const both = ['one', 'two'].map((name) =>
      asking.session.call(outgoing(clock, echoRequest(name), { principal: principal(name, name) })),
    );
    await Promise.all(both);
    expect(
      serving.served.map(({ context, request }) => [context.principal.agentId, request.params?.['arguments']]),
    ).toEqual([
      ['one', { message: 'one' }],
      ['two', { message: 'two' }],
    ]);
  });

  verifies('mcp/R5', 'a delegation out of bounds ends the stream', async () => {
    for (const hex of ['', '00', '0001', `0001${'41'.repeat(16 * 1024 + 1)}`]) {
      const { raw, it } = await facing();
      raw.send(1, 0, hex);
      await until(() => it.ends.length === 1);
      expect(it.ends).toEqual(['WIRE_MALFORMED']);
    }
  });
});

describe('what a call names', () => {
  verifies('mcp/R6', 'a call id is taken once', async () => {
    const { raw, it } = await facing();
    raw.sendBytes(frame('delegate') + frame('call'));
    await until(() => raw.of(3).length === 1);
    raw.send(2, 2, payload('call'));
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual(['07']);
    expect(it.served.length).toBe(1);
  });

  verifies('mcp/R7', 'the arguments hash is salted and covers what the call is about', () => {
    const hash = (method: string, params: Record<string, unknown>) =>
      argumentsHash(callId, { jsonrpc: '2.0', id: 1, method, params });
    expect(argumentsHash(callId, JSON.parse(vectors.request))).toBe(vectors.argumentsHash);
    expect(hash('prompts/get', { name: 'p' })).toBe(vectors.emptyArgumentsHash);
    expect(hash('resources/read', { uri: vectors.resource.uri })).toBe(vectors.resource.hash);
    expect(hash('completion/complete', { argument: {} })).toBe(vectors.otherMethodHash);
  });

  verifies(
    'mcp/R7',
    'the hash is of the arguments without spaces, the last of a name, and numbers as they stood',
    async () => {
      const words =
        '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"id":1, "e":1e400, "n":1.0, "id":9007199254740993}}}';
      const request = parseExactJson(words) as RpcRequest;
      const { clock, asking, serving } = await linked();
      const context = { callId, source: { request, text: words } };
      expect((await asking.session.call(outgoing(clock, request, context))).kind).toBe('result');
      const spelled = '{"id":9007199254740993,"e":1e400,"n":1}';
      expect(serving.served[0]?.argumentsHash).toBe(createHash('sha256').update(callId).update(spelled).digest('hex'));
    },
  );

  verifies('mcp/R7', 'both ends find the same hash for any arguments', async () => {
    const { clock, asking, serving } = await linked();
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (value) => {
        const request = { ...echoRequest(''), params: { name: 'echo', arguments: value } };
        expect((await asking.session.call(outgoing(clock, request))).kind).toBe('result');
      }),
      { numRuns: 60 },
    );
    expect(serving.served.length).toBe(60);
  });

  verifies('mcp/R7', 'arguments that are not those of the hash are refused', async () => {
    const { raw, it } = await facing();
    const changed = payload('call').replace(Buffer.from('"hi"').toString('hex'), Buffer.from('"ho"').toString('hex'));
    raw.sendBytes(frame('delegate'));
    raw.send(2, 1, changed);
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual(['08']);
    expect(it.served).toEqual([]);
  });

  verifies('mcp/R8', 'a header that names another tool than the request is refused', async () => {
    const { raw, it } = await facing();
    const target = (name: string) => `0004${Buffer.from(name).toString('hex')}`;
    raw.sendBytes(frame('delegate'));
    raw.send(2, 1, payload('call').replace(target('echo'), target('ping')));
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual(['00']);
    expect(it.served).toEqual([]);
  });

  verifies('mcp/R9', 'a body that is no JSON-RPC request in UTF-8 is refused, and the stream goes on', async () => {
    const { raw, it } = await facing();
    const head = payload('call').slice(0, -2 * vectors.request.length);
    const bad = [
      '',
      '[]',
      'null',
      '{',
      '{"jsonrpc":"2.0","method":"ping"}',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":7}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    ];
    raw.sendBytes(frame('delegate'));
    for (const body of bad) raw.send(2, 1, head + Buffer.from(body).toString('hex'));
    raw.send(2, 1, payload('call').replace(Buffer.from('"hi"').toString('hex'), '22ff6922'));
    raw.send(2, 1, payload('call'));
    await until(() => raw.of(3).length === 1);
    expect(raw.of(9)).toEqual([...bad, 'ill-formed text'].map(() => '00'));
    expect(it.served.length).toBe(1);
    expect(it.ends).toEqual([]);
  });

  verifies('mcp/R9', 'a call header cut short or out of bounds ends the stream', async () => {
    const whole = payload('call');
    // Cut within the fixed part, within the names; then a server name, a target and a trace longer than the frame.
    const bad = [
      whole.slice(0, 20),
      whole.slice(0, 136),
      '09' + whole.slice(2),
      whole.slice(0, 124) + 'ff' + whole.slice(126),
    ];
    for (const hex of bad) {
      const { raw, it } = await facing();
      raw.sendBytes(frame('delegate'));
      raw.send(2, 1, hex);
      await until(() => it.ends.length === 1);
      expect(it.ends).toEqual(['WIRE_MALFORMED']);
      expect(it.served).toEqual([]);
    }
  });
});

describe('how a call ends', () => {
  verifies('mcp/R10', 'a refusal means that the call did not begin, whatever its byte', async () => {
    const { clock, raw, it } = await facing();
    const asking = [1, 2].map(() => it.session.call(outgoing(clock, echoRequest('hi'))));
    raw.sendBytes(frame('refuseBusy'));
    raw.send(9, 2, 'ee');
    expect(await Promise.all(asking)).toEqual([
      { kind: 'refused', because: 'busy' },
      { kind: 'refused', because: 'malformed' },
    ]);
  });

  verifies('mcp/R11', 'a call that is never answered ends at its deadline and is cancelled there', async () => {
    const { clock, raw, it } = await facing();
    const ended = it.session.call(outgoing(clock, echoRequest('hi'), { deadlineAt: 500 }));
    await until(() => raw.of(2).length === 1);
    clock.pass(499);
    expect(it.session.stats.asked).toBe(1);
    clock.pass(20);
    expect(await ended).toEqual({ kind: 'deadline', sent: true });
    await until(() => raw.of(5).length === 1);
    expect(it.session.stats.asked).toBe(0);
  });

  verifies('mcp/R11', 'the deadline travels as time that is left and stops the serving side too', async () => {
    let signal: AbortSignal | undefined;
    const serve = (call: ServedCall) => {
      signal = call.context.signal;
      return never();
    };
    const { clock, raw, it } = await facing({ serve });
    clock.pass(100_000);
    raw.sendBytes(frame('delegate') + frame('call'));
    await until(() => it.served.length === 1);
    expect(it.served[0]?.context.deadlineAt).toBe(130_000);
    clock.pass(29_999);
    expect(signal?.aborted).toBe(false);
    clock.pass(20);
    expect(signal?.aborted).toBe(true);
  });

  verifies('mcp/R11', 'a call whose time is over is not sent, and one that arrives so is refused', async () => {
    const { clock, raw, it } = await facing();
    const late = await it.session.call(outgoing(clock, echoRequest('hi'), { deadlineAt: 0 }));
    expect(late).toEqual({ kind: 'deadline', sent: false });
    raw.sendBytes(frame('delegate'));
    raw.send(2, 1, payload('call').replace('00007530', '00000000'));
    await until(() => raw.of(9).length === 1);
    expect(raw.of(9)).toEqual(['09']);
  });

  verifies('mcp/R12', 'cancelling reaches the serving side’s signal, and no result follows', async () => {
    const stop = new AbortController();
    const aborted = Promise.withResolvers<unknown>();
    const serve = async (call: ServedCall) => {
      if (JSON.stringify(call.request).includes('second')) return echo(call);
      call.context.signal.addEventListener('abort', () => aborted.resolve(call.context.signal.reason));
      await aborted.promise;
      return echo(call);
    };
    const { clock, asking, serving } = await linked({ serving: { serve } });
    const ended = asking.session.call(outgoing(clock, echoRequest('first'), { signal: stop.signal }));
    await until(() => serving.served.length === 1);
    const before = serving.session.stats.bytesOut;
    stop.abort();
    expect(await ended).toEqual({ kind: 'cancelled', sent: true });
    expect(await aborted.promise).toBe('cancelled');
    await until(() => serving.session.stats.served === 0);
    expect(serving.session.stats.bytesOut).toBe(before);
    expect((await asking.session.call(outgoing(clock, echoRequest('second')))).kind).toBe('result');
  });

  verifies('mcp/R12', 'a call cancelled before it is asked is never sent', async () => {
    const { clock, raw, it } = await facing();
    const ended = await it.session.call(outgoing(clock, echoRequest('hi'), { signal: AbortSignal.abort() }));
    expect(ended).toEqual({ kind: 'cancelled', sent: false });
    expect(raw.got).toEqual([]);
  });

  verifies(
    'mcp/R13',
    'when the stream dies, what was sent is unknown and what was not is known not to have run',
    async () => {
      const { clock, raw, it } = await facing();
      const sent = it.session.call(outgoing(clock, echoRequest('sent')));
      await until(() => raw.of(2).length === 1);
      const unsent = it.session.call(outgoing(clock, echoRequest('unsent')));
      raw.stream.abort(new Error('cut'));
      it.session.abort();
      expect(await sent).toEqual({ kind: 'lost' });
      expect(await unsent).toEqual({ kind: 'unsent', because: 'closed' });
      expect(await it.session.call(outgoing(clock, echoRequest('after')))).toEqual({
        kind: 'unsent',
        because: 'closed',
      });
    },
  );

  verifies('mcp/R13', 'when the stream dies, what runs for the peer is stopped', async () => {
    const { clock, streams, asking, serving } = await linked({ serving: { serve: never } });
    const ended = asking.session.call(outgoing(clock, echoRequest('hi')));
    await until(() => serving.served.length === 1);
    streams[0].abort(new Error('cut'));
    expect((await ended).kind).toBe('lost');
    await until(() => serving.served[0]?.context.signal.aborted === true);
    expect(asking.ends.length + serving.ends.length).toBe(2);
  });

  verifies('mcp/R13', 'a serving side that throws tells its caller no more than that it failed', async () => {
    const broken = new Error('secret');
    const { clock, asking, serving } = await linked({ serving: { serve: () => Promise.reject(broken) } });
    const ended = await asking.session.call(outgoing(clock, echoRequest('hi')));
    expect(ended).toMatchObject({ kind: 'result', outcome: 'failed', reason: 'INTERNAL_ERROR' });
    expect(text(ended)).toBe('');
    expect(serving.faults).toEqual([broken]);
  });

  verifies(
    'mcp/R34',
    'a receipt travels with the result in the frozen bytes, also where the body could not',
    async () => {
      const receipt = { seq: 0x010203040506, hash: 'ab'.repeat(32) };
      const { raw, it } = await facing({ serve: async () => ({ ...reply(Buffer.from(vectors.response)), receipt }) });
      raw.sendBytes(frame('delegate') + frame('call'));
      await until(() => raw.of(3).length === 1);
      expect(raw.of(3)).toEqual([payload('resultWithReceipt')]);
      expect(it.ends).toEqual([]);

      const asked = await facing();
      const ended = asked.it.session.call(outgoing(asked.clock, echoRequest('hi')));
      asked.raw.sendBytes(frame('resultWithReceipt'));
      expect(await ended).toMatchObject({ kind: 'result', outcome: 'ok', receipt });
      expect(text(await ended)).toBe(vectors.response);

      const huge = { body: Buffer.alloc(9 * 1024 * 1024), outcome: 'ok', reason: '', receipt } as const;
      const both = await linked({ serving: { serve: async () => huge } });
      expect(await both.asking.session.call(outgoing(both.clock, echoRequest('hi')))).toMatchObject({
        reason: 'TOO_LARGE',
        receipt,
      });
    },
  );

  verifies('mcp/R34', 'a receipt of no entry, or one cut off, ends the stream', async () => {
    const whole = payload('resultWithReceipt').slice(0, 4 + 2 * 38);
    for (const head of [whole.slice(0, -2), `4000${'00'.repeat(6)}${'ab'.repeat(32)}`]) {
      const { clock, raw, it } = await facing();
      const ended = it.session.call(outgoing(clock, echoRequest('hi')));
      const bytes = `03${'00000001'}${head}`;
      raw.sendBytes((bytes.length / 2).toString(16).padStart(8, '0') + bytes);
      await ended;
      expect(it.ends).toEqual(['WIRE_MALFORMED']);
    }
  });

  verifies('mcp/R24', 'a result, a related message or a refusal that nobody waits for is ignored', async () => {
    const { clock, raw, it } = await facing();
    raw.sendBytes(
      frame('result') + frame('related') + frame('refuseBusy') + frame('cancel') + frame('request') + frame('reply'),
    );
    const ended = it.session.call(outgoing(clock, echoRequest('hi')));
    await until(() => raw.of(2).length === 1);
    raw.sendBytes(frame('result'));
    expect(text(await ended)).toBe(vectors.response);
    expect(it.ends).toEqual([]);
  });
});
