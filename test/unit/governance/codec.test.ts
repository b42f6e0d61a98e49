import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSoundKey, openStatement, type Payload, statementInput, thumbprint } from '../../../src/governance/index.ts';
import { BORN_MS, NET, Pen, SEEDS, signed } from '../../support/voters.ts';

const pen = new Pen('sage');
const payload: Payload = {
  v: 1,
  net: NET,
  ep: 0,
  kind: 'commit',
  voter: 'sage',
  seq: 1,
  prev: null,
  ts: BORN_MS,
  body: { proposal: 'a'.repeat(64), value: 'approve' },
};
const good = pen.sign(payload).token;
const keyOf = (kid: string) => (kid === pen.kid ? pen.key : undefined);
const open = (token: string) => openStatement(token, { net: NET, keyOf });
const because = (token: string) => {
  const opened = open(token);
  return opened.kind === 'refused' ? opened.because : opened.kind;
};
const part = (value: string | Uint8Array) => Buffer.from(value).toString('base64url');
const header = (changes: object = {}) =>
  JSON.stringify({ alg: 'Ed25519', kid: pen.kid, typ: 'village-gov+jws', ...changes });
const spelled = (head: string, body: string | Uint8Array) => signed(SEEDS.sage, `${part(head)}.${part(body)}`);
const json = (value: object) =>
  Buffer.from(good.split('.')[1] ?? '', 'base64url')
    .toString()
    .replace(/\}$/, JSON.stringify(value).replace('{', ','));
const canonical = Buffer.from(good.split('.')[1] ?? '', 'base64url').toString();

describe('a statement', () => {
  test('opens under its key, and its id is the hash of what is signed', () => {
    const opened = open(good);
    expect(opened).toMatchObject({ kind: 'opened', statement: { kid: pen.kid, payload } });
    expect(opened.kind === 'opened' && opened.statement.id).toBe(statementInput(pen.key, payload).id);
    expect(spelled(header(), canonical)).toBe(good);
  });

  test('of an unknown key is kept for later', () => {
    expect(open(new Pen('curator').sign({ ...payload, voter: 'curator' }).token).kind).toBe('unknown-key');
  });

  test('has one spelling: sixteen last characters decode to the same signature, one is taken', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const taken = [...alphabet].filter((last) => because(good.slice(0, -1) + last) === 'opened');
    expect(taken).toEqual([good.at(-1)]);
  });

  test.each(['=', '==', ' ', '\n', '.', '.x'])('with %j after it is refused', (tail) => {
    expect(because(good + tail)).toBe('malformed');
  });

  test('with a space or a newline inside the signature is refused', () => {
    for (const gap of [' ', '\n']) expect(because(`${good.slice(0, -20)}${gap}${good.slice(-20)}`)).toBe('malformed');
  });

  test.each([
    ['the older name of the algorithm', header({ alg: 'EdDSA' })],
    ['no algorithm', header({ alg: 'none' })],
    ['another type', header({ typ: 'JWT' })],
    ['a key inside', header({ jwk: { kty: 'OKP' } })],
    ['crit', header({ crit: ['b64'] })],
    ['b64', header({ b64: false })],
    ['members in another order', `{"kid":"${pen.kid}","alg":"Ed25519","typ":"village-gov+jws"}`],
    ['spaces', header().replace(',', ', ')],
    ['a member twice', header().replace('{', '{"alg":"Ed25519",')],
  ])('whose header has %s is refused', (_what, head) => {
    expect(because(spelled(head, canonical))).toBe('bad-header');
  });

  test.each([
    ['a member twice', canonical.replace('{', '{"ep":0,')],
    ['spaces', canonical.replace(',', ', ')],
    ['another order', canonical.replace(/^\{("body".*?\}),(.*)\}$/, '{$2,$1}')],
    ['a number that rounds', canonical.replace('"seq":1', '"seq":9007199254740993')],
    ['a fraction', canonical.replace('"seq":1', '"seq":1.5')],
    ['minus nothing', canonical.replace('"ep":0', '"ep":-0')],
    ['an exponent', canonical.replace('"seq":1', '"seq":1e0')],
    ['text that is not NFC', canonical.replace('"sage"', '"sage\u0301e\u0301"')],
    ['a lone surrogate', canonical.replace('"sage"', '"\\ud800"')],
    ['__proto__', canonical.replace('{"body"', '{"__proto__":{},"body"')],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(canonical.slice(0, -1)), Buffer.from([0xff]), Buffer.from('}')]),
    ],
    ['depth without end', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ])('whose payload has %s is refused', (_what, body) => {
    expect(because(spelled(header(), body))).toBe('not-canonical');
  });

  test.each([
    ['a field nobody knows', json({ zz: 1 })],
    ['no epoch', canonical.replace('"ep":0,', '')],
    ['a value that is no choice', canonical.replace('"approve"', '"maybe"')],
    ['the number 0 in its log', canonical.replace('"seq":1', '"seq":0')],
    ['another version', canonical.replace('"v":1', '"v":2')],
    ['a list for a payload', '[]'],
  ])('with %s is refused', (_what, body) => {
    expect(because(spelled(header(), body))).toBe('malformed');
  });

  test('of another village is refused', () => {
    expect(because(pen.sign({ ...payload, net: 'b'.repeat(64) }).token)).toBe('foreign-village');
  });

  test('signed by another key under this key’s name is refused', () => {
    const [head, body] = good.split('.');
    expect(because(signed(SEEDS.king, `${head}.${body}`))).toBe('bad-signature');
  });

  test('beyond 64 KiB is refused before anything else', () => {
    expect(because('x'.repeat(64 * 1024 + 1))).toBe('too-large');
  });

  test('from our own disk is known by its id, and by no other', () => {
    const { id } = statementInput(pen.key, payload);
    const [head, body] = good.split('.');
    const unsigned = `${head}.${body}.${'A'.repeat(86)}`;
    expect(openStatement(unsigned, { net: NET, keyOf, checkedId: id }).kind).toBe('opened');
    expect(openStatement(unsigned, { net: NET, keyOf, checkedId: 'c'.repeat(64) })).toMatchObject({
      because: 'bad-signature',
    });
  });

  test('with any one character changed is refused', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...'ABab01-_.= '), (at, other) => {
        fc.pre(good[at] !== other);
        expect(open(good.slice(0, at) + other + good.slice(at + 1)).kind).not.toBe('opened');
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test('is never made of what could not be opened', () => {
    expect(() => statementInput(pen.key, { ...payload, seq: 0 })).toThrow();
  });
});

describe('a key', () => {
  test('of a voter is sound, and named by its RFC 7638 thumbprint', () => {
    expect(isSoundKey(pen.key)).toBe(true);
    // The example of RFC 8037, appendix A.3.
    expect(thumbprint('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo')).toBe(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    );
  });

  // The eight points of small order and encodings that are not canonical: any signature may fit under them.
  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0200000000000000000000000000000000000000000000000000000000000000',
  ])('%s enters no electorate', (hex) => {
    expect(isSoundKey(Buffer.from(hex, 'hex').toString('base64url'))).toBe(false);
  });

  test.each(['', 'AAAA', `${pen.key}=`, 'not base64url!'])('%j is none', (x) => {
    expect(isSoundKey(x)).toBe(false);
  });
});
