import { expect, test } from 'vitest';
import { type Framing, LengthPrefixes } from '../../../node/host/length-prefixes.ts';

const SPOKEN: Record<string, Framing> = { '/framed/1': 'prefixed', '/own/1': 'raw' };
const MULTISTREAM = '\x13/multistream/1.0.0\n';
const ENDLESS = Buffer.alloc(16, 0xff);

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');
const made = (): LengthPrefixes => new LengthPrefixes((name) => SPOKEN[name]);

/** Whether all of `sent` is accepted, cut into pieces of `size` bytes. */
function acceptsAll(lengths: LengthPrefixes, sent: Buffer, size: number): boolean {
  for (let at = 0; at < sent.length; at += size) if (!lengths.accepts(sent.subarray(at, at + size))) return false;
  return true;
}

test.each([1, 2, 7, 1000])('a negotiation and the messages after it pass, in pieces of %i bytes', (size) => {
  const body = Buffer.alloc(300, 0xff); // 300 is the varint ac 02
  const sent = Buffer.concat([bytes(`${MULTISTREAM}\x0a/framed/1\n`), bytes('\xac\x02'), body, bytes('\x00\x01\xff')]);
  expect(acceptsAll(made(), sent, size)).toBe(true);
});

test('a length that does not end is refused at its fourth byte, as the first, and after the negotiation', () => {
  const lengths = made();
  expect(lengths.accepts(ENDLESS.subarray(0, 3))).toBe(true);
  expect(lengths.accepts(ENDLESS.subarray(0, 1))).toBe(false);
  expect(made().accepts(Buffer.concat([bytes(MULTISTREAM), ENDLESS]))).toBe(false);
  expect(made().accepts(Buffer.concat([bytes(`${MULTISTREAM}\x0a/framed/1\n`), ENDLESS]))).toBe(false);
});

test('a protocol with frames of its own is let alone, in the same piece and in later ones', () => {
  const lengths = made();
  expect(lengths.accepts(Buffer.concat([bytes(`${MULTISTREAM}\x07/own/1\n`), ENDLESS]))).toBe(true);
  expect(lengths.over).toBe(true);
  expect(lengths.accepts(ENDLESS)).toBe(true);
});

test('a peer may propose what is not spoken here, and then something else', () => {
  const lengths = made();
  expect(lengths.accepts(bytes(`${MULTISTREAM}\x0b/unspoken1\n\x0a/framed/1\n`))).toBe(true);
  expect(lengths.accepts(ENDLESS)).toBe(false);
});

test('a proposal of more than a kibibyte is refused', () => {
  expect(made().accepts(bytes('\x80\x08'))).toBe(true); // 1024
  expect(made().accepts(bytes('\x81\x08'))).toBe(false); // 1025
});
