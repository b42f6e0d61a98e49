import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AUDIT_HEAD_TYPE, verifyHead } from '../../../src/audit/index.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const expected = {
  issuerKey: Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url'),
  villageId: 'v',
  nodeId: 'n',
};
const header = { alg: 'EdDSA', typ: AUDIT_HEAD_TYPE };
const head = { at_ms: 1000, hash: 'a'.repeat(64), node: 'n', seq: 256, village: 'v' };

function jws(headerPart: unknown, payload: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(headerPart)}.${part(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}

describe('a signed head', () => {
  test('is read when the node signed it', () => {
    expect(verifyHead(jws(header, head), expected)).toEqual(head);
  });

  test.each([
    ['of another village', jws(header, { ...head, village: 'w' })],
    ['of another node', jws(header, { ...head, node: 'm' })],
    ['of another type, as a token is', jws({ ...header, typ: 'JWT' }, head)],
    ['of no type', jws({ alg: 'EdDSA' }, head)],
    ['with no algorithm', jws({ ...header, alg: 'none' }, head)],
    [
      'with an extension that must be understood',
      jws({ alg: 'EdDSA', b64: false, crit: ['b64'], typ: AUDIT_HEAD_TYPE }, head),
    ],
    ['with a number that is none', jws(header, { ...head, seq: '256' })],
    ['without a hash', jws(header, { ...head, hash: undefined })],
    ['that says more than a head says', jws(header, { ...head, z: 1 })],
    ['that is a list', jws(header, [head])],
    ['whose signature is cut', jws(header, head).slice(0, -4)],
    ['with a fourth part', `${jws(header, head)}.AA`],
    ['that is empty', ''],
    ['that is huge', `${jws(header, { ...head, pad: 'x'.repeat(5000) })}`],
  ])('%s is no head', (_, text) => {
    expect(verifyHead(text, expected)).toBeUndefined();
  });

  test('is no head for another key', () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x as string;
    expect(verifyHead(jws(header, head), { ...expected, issuerKey: Buffer.from(other, 'base64url') })).toBeUndefined();
  });
});
