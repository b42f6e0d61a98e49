import { describe, expect, test } from 'vitest';
import { checkStateless, decodeHeader, eraOf, negotiate, type RpcRequest } from '../../../src/mcp/index.ts';

const claim = (version: unknown): Record<string, unknown> => ({
  _meta: { 'io.modelcontextprotocol/protocolVersion': version, 'io.modelcontextprotocol/clientCapabilities': {} },
});

describe('the era of a message', () => {
  test('is what its _meta claims, else what the header names', () => {
    expect(eraOf('tools/list', claim('2026-07-28'), undefined)).toBe('stateless');
    expect(eraOf('tools/list', {}, '2026-07-28')).toBe('stateless');
    expect(eraOf('tools/list', {}, '2027-01-01')).toBe('stateless');
    expect(eraOf('tools/list', undefined, '2025-11-25')).toBe('session');
    expect(eraOf('tools/list', undefined, undefined)).toBe('session');
  });

  test('a claim that cannot be right is still a claim, so that it is refused and not passed over', () => {
    expect(eraOf('tools/list', claim(7), undefined)).toBe('stateless');
    expect(eraOf('tools/list', claim('1999-01-01'), undefined)).toBe('stateless');
  });

  test('a header that is no date names no era', () => {
    expect(eraOf('tools/list', undefined, 'zzz')).toBe('session');
  });

  test('initialize begins a session unless its body claims the stateless era', () => {
    expect(eraOf('initialize', { protocolVersion: '2025-11-25' }, '2026-07-28')).toBe('session');
    expect(eraOf('initialize', claim('2026-07-28'), undefined)).toBe('stateless');
  });
});

describe('a session', () => {
  test('gets the revision it asks for, or the newest with sessions', () => {
    for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])
      expect(negotiate(version)).toBe(version);
    expect(negotiate('2026-07-28')).toBe('2025-11-25');
    expect(negotiate('1999-01-01')).toBe('2025-11-25');
  });
});

describe('the headers of a stateless request', () => {
  const call = (params: Record<string, unknown> = { name: 'echo', ...claim('2026-07-28') }): RpcRequest => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params,
  });
  const right = { version: '2026-07-28', method: 'tools/call', name: 'echo' };

  test('that say what the body says pass', () => {
    expect(checkStateless(call(), right)).toBeUndefined();
    expect(checkStateless(call(), { ...right, name: ' echo\t' })).toBeUndefined();
    expect(checkStateless(call(), { ...right, name: '=?base64?ZWNobw==?=' })).toBeUndefined();
  });

  test.each([
    ['no version', { ...right, version: undefined }],
    ['another version', { ...right, version: '2025-11-25' }],
    ['no method', { ...right, method: undefined }],
    ['another method', { ...right, method: 'tools/list' }],
    ['no name', { ...right, name: undefined }],
    ['another name', { ...right, name: 'mesh_ping' }],
    ['two names joined', { ...right, name: 'echo, echo' }],
    ['a name in broken base64', { ...right, name: '=?base64?ZWNobw?=' }],
    ['a name in base64 of no text', { ...right, name: '=?base64?/w==?=' }],
  ])('with %s are a mismatch', (_what, headers) => {
    expect(checkStateless(call(), headers)?.error).toBe('HEADER_MISMATCH');
  });

  test('name a resource by its URI', () => {
    const request = { ...call({ uri: 'file:///é', ...claim('2026-07-28') }), method: 'resources/read' };
    const headers = { version: '2026-07-28', method: 'resources/read', name: '=?base64?ZmlsZTovLy/DqQ==?=' };
    expect(checkStateless(request, headers)).toBeUndefined();
    expect(checkStateless(request, { ...headers, name: 'file:///e' })?.error).toBe('HEADER_MISMATCH');
  });

  test('of a revision that is not served are told which are', () => {
    const refused = checkStateless(call({ name: 'echo', ...claim('2027-01-01') }), { ...right, version: '2027-01-01' });
    expect(refused?.error).toBe('UNSUPPORTED_VERSION');
    expect(refused?.data).toEqual({
      supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      requested: '2027-01-01',
    });
  });

  test.each([
    ['no _meta', { name: 'echo' }],
    ['no version in _meta', { name: 'echo', _meta: { 'io.modelcontextprotocol/clientCapabilities': {} } }],
    ['a version that is no text', { name: 'echo', ...claim(7) }],
    ['no capabilities', { name: 'echo', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }],
  ])('cannot help a body with %s', (_what, params) => {
    expect(checkStateless(call(params), right)?.error).toBe('INVALID_PARAMS');
  });
});

describe('a header value', () => {
  test('is plain text, or canonical base64 of UTF-8', () => {
    expect(decodeHeader('plain')).toBe('plain');
    expect(decodeHeader('=?base64?w6k=?=')).toBe('é');
    expect(decodeHeader('=?base64?w6l=?=')).toBeUndefined();
    expect(decodeHeader('=?base64?w6k?=')).toBeUndefined();
  });
});
