import { describe, expect, test } from 'vitest';
import { MAX_BATCH, MAX_DEPTH, readBody, readMessage } from '../../../src/mcp/index.ts';

const read = (text: string): ReturnType<typeof readBody> => readBody(JSON.parse(text), text.length);

describe('an envelope', () => {
  test('with method and id is a request, and is the very object given', () => {
    const given = { jsonrpc: '2.0', id: 'a', method: 'tools/call', params: { name: 'echo' } };
    const envelope = readMessage(given);
    expect(envelope.kind).toBe('request');
    expect(envelope.kind === 'request' && envelope.message).toBe(given);
  });

  test('with a method and no id is a notification', () => {
    expect(read('{"jsonrpc":"2.0","method":"notifications/initialized"}').kind).toBe('notification');
  });

  test('with a result or an error is a response', () => {
    expect(read('{"jsonrpc":"2.0","id":1,"result":{}}').kind).toBe('response');
    expect(read('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}').kind).toBe('response');
    expect(read('{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}').kind).toBe('response');
  });

  test.each([
    ['null', 'null'],
    ['a number', '7'],
    ['a string', '"tools/call"'],
    ['an empty object', '{}'],
    ['JSON-RPC 1.0', '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ['no jsonrpc', '{"id":1,"method":"ping"}'],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}'],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}'],
    ['an id no number can hold', '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}'],
    ['an object for an id', '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
    ['an id without end', `{"jsonrpc":"2.0","id":"${'x'.repeat(257)}","method":"ping"}`],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":7}'],
    ['an empty method', '{"jsonrpc":"2.0","id":1,"method":""}'],
    ['params in an array', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}'],
    ['params of null', '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}'],
    ['_meta that is no object', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":1}}'],
    ['an unknown member', '{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}'],
    ['__proto__ beside the method', '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{}}'],
    ['method and result at once', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}'],
    ['result and error at once', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'],
    ['a result without id', '{"jsonrpc":"2.0","result":{}}'],
    ['an error whose code is text', '{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}}'],
    ['an empty batch', '[]'],
  ])('%s is refused', (_what, text) => {
    expect(read(text).kind).toBe('invalid');
  });

  test('a refusal carries the id where there is a good one', () => {
    expect(read('{"jsonrpc":"2.0","id":7,"method":""}')).toMatchObject({ kind: 'invalid', id: 7 });
    expect(read('{"jsonrpc":"2.0","id":1.5,"method":"ping"}')).toMatchObject({ kind: 'invalid', id: null });
  });

  test('a batch is read message by message', () => {
    const body = read('[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"},5]');
    expect(body.kind === 'batch' && body.envelopes.map((one) => one.kind)).toEqual([
      'request',
      'notification',
      'invalid',
    ]);
  });

  test(`a batch of more than ${MAX_BATCH} is refused`, () => {
    const one = '{"jsonrpc":"2.0","method":"n"}';
    expect(read(`[${Array.from({ length: 100 }, () => one).join(',')}]`).kind).toBe('batch');
    expect(read(`[${Array.from({ length: 101 }, () => one).join(',')}]`).kind).toBe('invalid');
  });

  test('nesting is bounded, and a body a million levels deep is refused without harm', () => {
    const nested = (levels: number): string =>
      `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
    expect(read(nested(MAX_DEPTH - 2)).kind).toBe('request');
    expect(read(nested(MAX_DEPTH - 1)).kind).toBe('invalid');
    expect(read(nested(1_000_000)).kind).toBe('invalid');
  });
});
