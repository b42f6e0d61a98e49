import { describe, expect, test } from 'vitest';
import { openJws, signingInput } from '../../../src/kernel/index.ts';
import { keypair } from '../../support/keypair.ts';

const key = keypair(1);
const other = keypair(2);
const open = (token: string, options: Partial<Parameters<typeof openJws>[1]> = {}) =>
  openJws(token, { typ: 'a+jws', key: key.raw, maxBytes: 1024, ...options });
const because = (token: string, options = {}) => {
  const opened = open(token, options);
  return opened.kind === 'refused' ? opened.because : 'opened';
};

// Made once with node:crypto from the seed 01…01; the bytes must go on meaning the same.
const FROZEN =
  'eyJhbGciOiJFZERTQSIsInR5cCI6ImErandzIn0.eyJhIjoxLCJiIjpbdHJ1ZV19.eWHRiFSfW_3CGoEoFMLKK3R6rC8Nh3lijKYLxqTbmbHPFgbdyKOzIcXbQzJlJ659tFkkiptHcS-pF3SNfgWXCw';

describe('a signed statement', () => {
  test('opens under its key and type', () => {
    expect(open(key.jws('a+jws', { b: [true], a: 1 }))).toEqual({
      kind: 'opened',
      header: { alg: 'EdDSA', typ: 'a+jws' },
      payload: { a: 1, b: [true] },
    });
  });

  test('made long ago still opens', () => {
    expect(because(FROZEN)).toBe('opened');
  });

  test('has one signing input', () => {
    expect(signingInput({ alg: 'EdDSA', typ: 'a+jws' }, { b: [true], a: 1 })).toBe(
      'eyJhbGciOiJFZERTQSIsInR5cCI6ImErandzIn0.eyJhIjoxLCJiIjpbdHJ1ZV19',
    );
  });

  test('of another type is not taken for this one', () => {
    expect(because(key.jws('b+jws', { a: 1 }))).toBe('wrong-type');
  });

  test('by another key is refused', () => {
    expect(because(other.jws('a+jws', { a: 1 }))).toBe('bad-signature');
  });

  test('whose payload was swapped is refused', () => {
    const [header, , signature] = key.jws('a+jws', { a: 1 }).split('.');
    const swapped = Buffer.from('{"a":2}').toString('base64url');
    expect(because(`${header}.${swapped}.${signature}`)).toBe('bad-signature');
  });

  test('finds its key by what it says, and has none when nobody is it', () => {
    const token = other.jws('a+jws', { by: 'other' });
    expect(
      because(token, { key: (_: unknown, { by }: { by?: unknown }) => (by === 'other' ? other.raw : undefined) }),
    ).toBe('opened');
    expect(because(token, { key: () => undefined })).toBe('unknown-key');
  });

  test.each([
    ['alg none', '{"alg":"none","typ":"a+jws"}'],
    ['a shared secret', '{"alg":"HS256","typ":"a+jws"}'],
    ['a key of its own', '{"alg":"EdDSA","jwk":{"kty":"OKP"},"typ":"a+jws"}'],
    ['critical extensions', '{"alg":"EdDSA","crit":["b64"],"typ":"a+jws"}'],
    ['no type', '{"alg":"EdDSA"}'],
    ['a kid that is no string', '{"alg":"EdDSA","kid":1,"typ":"a+jws"}'],
  ])('with %s in its header is refused', (_what, header) => {
    expect(because(key.jwsOf(header, '{"a":1}'))).toBe('bad-header');
  });

  test.each([
    ['spaces', '{"a": 1}'],
    ['members in another order', '{"b":1,"a":1}'],
    ['another spelling of a number', '{"a":1.0}'],
    ['an escape it does not need', '{"a":"\\u0062"}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
  ])('with %s in its payload is refused though signed', (_what, payload) => {
    expect(because(key.jwsOf('{"alg":"EdDSA","typ":"a+jws"}', payload))).toBe('not-canonical');
  });

  test('with another spelling of its header is refused though signed', () => {
    expect(because(key.jwsOf('{"typ":"a+jws","alg":"EdDSA"}', '{"a":1}'))).toBe('not-canonical');
  });

  test.each([
    ['a member twice', '{"a":1,"a":2}'],
    ['a member twice, spelt differently', '{"a":1,"\\u0061":2}'],
    ['a list', '[1]'],
    ['null', 'null'],
    ['no JSON', '{"a":'],
  ])('with %s as payload is malformed', (_what, payload) => {
    expect(because(key.jwsOf('{"alg":"EdDSA","typ":"a+jws"}', payload))).toBe('malformed');
  });

  test.each([
    ['nothing', () => ''],
    ['two parts', (token: string) => token.split('.').slice(0, 2).join('.')],
    ['four parts', (token: string) => `${token}.`],
    ['padding', (token: string) => `${token}==`],
    ['a space', (token: string) => `${token} `],
    ['a short signature', (token: string) => token.slice(0, -4)],
    [
      'other bits in the last character',
      (token: string) => token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
    ],
    ['bytes that are no text', (token: string) => token.replace(/\.[^.]*\./, '._w.')],
  ])('spelt with %s is malformed', (_what, spoil) => {
    expect(because(spoil(key.jws('a+jws', { a: 1 })))).toBe('malformed');
  });

  test('over its limit is not even read', () => {
    expect(because(key.jws('a+jws', { a: 'x'.repeat(1024) }))).toBe('too-large');
  });
});
