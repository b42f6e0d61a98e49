import { expect, test } from 'vitest';
import { openDescriptor } from '../../protocols/directory/index.ts';
import { openReceipt } from '../../protocols/governance/index.ts';
import { claimedSigner } from '../../protocols/revocation/index.ts';
import { readJws } from '../../src/kernel/index.ts';

const encoded = (text: string) => Buffer.from(text).toString('base64url');

/** Found by the fuzzers: what opens statements never throws, and threw what a reader's stack had no room for. */
test('a statement nested as deep as its length allows is refused, not thrown at', () => {
  const deep = `{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`;
  const statement = `${encoded('{"alg":"EdDSA","typ":"x"}')}.${encoded(deep)}.${encoded('x'.repeat(64))}`;
  expect(readJws(statement, 64 * 1024)).toBe('malformed');
  expect(claimedSigner(statement)).toBeUndefined();
  expect(openReceipt(statement, 'v')).toBeUndefined();
  expect(openDescriptor(statement, { node: 'n', village: 'v' })).toBeUndefined();
});
