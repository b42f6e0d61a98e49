import { fromBase64Url, sha256, toBase64Url } from '../kernel/index.ts';

/** RFC 7638 thumbprint of a raw Ed25519 public key (base64url): the key's name, and the name of its log. */
export function thumbprint(x: string): string {
  return toBase64Url(sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
}

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

// y of the eight points whose order divides 8: 0, 1, -1 and the two of order 8. Under such a key one signature fits any message.
const ORDER_8 = 55188659117513257062467267217118295137698188065244968500265048394206261417927n;
const SMALL_ORDER: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8]);

/**
 * Whether a raw public key (32 bytes, base64url) may enter an electorate: its one canonical spelling, a point on the
 * curve, not of small order. Verifiers disagree about the others, and nodes must not.
 */
export function isSoundKey(x: string): boolean {
  const known = judged.get(x);
  if (known !== undefined) return known;
  const sound = isOnCurve(x);
  if (judged.size >= MAX_JUDGED) judged.clear();
  judged.set(x, sound);
  return sound;
}

// A millisecond a key, and the same few keys again and again.
const MAX_JUDGED = 1024;
const judged = new Map<string, boolean>();

function isOnCurve(x: string): boolean {
  const bytes = fromBase64Url(x);
  if (bytes?.length !== 32) return false;
  const sign = (bytes[31] as number) >> 7;
  const y = bytes.reduceRight((value, byte, index) => (value << 8n) | BigInt(index === 31 ? byte & 0x7f : byte), 0n);
  if (y >= P || SMALL_ORDER.has(y)) return false;
  const y2 = (y * y) % P;
  const u = (y2 + P - 1n) % P;
  const x2 = (u * power(D * y2 + 1n, P - 2n)) % P;
  return x2 === 0n ? sign === 0 : power(x2, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}
