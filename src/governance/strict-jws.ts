import {
  canonicalJson,
  fromBase64Url,
  parseStrictJson,
  sha256Hex,
  text,
  toBase64Url,
  utf8,
  verifyEd25519,
} from '../kernel/index.ts';
import { thumbprint } from './key.ts';

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;
const KID = /^[A-Za-z0-9_-]{43}$/;

export type StrictRefusal =
  | 'too-large'
  | 'malformed'
  | 'bad-header'
  | 'unknown-key'
  | 'bad-signature'
  | 'not-canonical';
export type StrictJws =
  | { readonly kind: 'opened'; readonly id: string; readonly kid: string; readonly payload: unknown }
  | { readonly kind: 'refused'; readonly because: StrictRefusal; readonly id?: string | undefined };

export interface StrictOptions {
  readonly typ: string;
  readonly maxBytes: number;
  /** The raw key with this thumbprint; undefined: not known. */
  readonly keyOf: (kid: string) => string | undefined;
  /** The signature was checked before, and this is the id it had then. */
  readonly checkedId?: string | undefined;
}

function headerText(typ: string, kid: string): string {
  return `{"alg":"Ed25519","kid":"${kid}","typ":"${typ}"}`;
}

/** What a signer signs: append `.` and the base64url of the 64-byte signature for the token. */
export function strictInput(typ: string, key: string, payload: object): string {
  const header = headerText(typ, thumbprint(key));
  return `${toBase64Url(utf8(header))}.${toBase64Url(utf8(canonicalJson(payload)))}`;
}

/** The id of a signing input, and of the token that starts with it: never of the signature, which has other spellings. */
export function idOfInput(input: string): string {
  return sha256Hex(input);
}

/**
 * Opens a compact JWS that has exactly one spelling: header {alg, kid, typ} letter for letter, canonical base64url,
 * canonical JSON of safe integers and NFC strings. Nothing is parsed before the signature holds. Never throws.
 */
export function openStrict(token: string, options: StrictOptions): StrictJws {
  if (token.length > options.maxBytes) return refused('too-large');
  const [, head = '', body = '', tail = ''] = COMPACT.exec(token) ?? [];
  const header = fromBase64Url(head);
  const payload = fromBase64Url(body);
  const signature = fromBase64Url(tail);
  if (head === '' || header === undefined || payload === undefined || signature === undefined)
    return refused('malformed');
  const kid = kidOf(header, options.typ);
  if (kid === undefined) return refused('bad-header');
  const input = `${head}.${body}`;
  const id = idOfInput(input);
  if (options.checkedId !== id) {
    const key = fromBase64Url(options.keyOf(kid) ?? '');
    if (key === undefined || key.length !== 32) return refused('unknown-key', id);
    if (!verifyEd25519(key, utf8(input), signature)) return refused('bad-signature', id);
  }
  const value = options.checkedId === id ? (JSON.parse(text(payload)) as unknown) : readCanonical(payload);
  return value === undefined ? refused('not-canonical', id) : { kind: 'opened', id, kid, payload: value };
}

function kidOf(header: Uint8Array, typ: string): string | undefined {
  const spelled = Buffer.from(header).toString('latin1');
  const kid = spelled.slice('{"alg":"Ed25519","kid":"'.length, 43 + '{"alg":"Ed25519","kid":"'.length);
  return KID.test(kid) && spelled === headerText(typ, kid) ? kid : undefined;
}

function readCanonical(bytes: Uint8Array): unknown {
  try {
    const json = text(bytes);
    const value = parseStrictJson(json);
    return value !== undefined && canonicalJson(value) === json && isPlain(value) ? value : undefined;
  } catch {
    return undefined; // not UTF-8, a lone surrogate, or nested beyond what can be read
  }
}

/** Numbers that every reader reads alike, strings that have one spelling, no member that JavaScript takes for something else. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0);
  if (typeof value === 'string') return value.normalize('NFC') === value;
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  return Object.entries(value).every(([name, member]) => name !== '__proto__' && isPlain(name) && isPlain(member));
}

function refused(because: StrictRefusal, id?: string): StrictJws {
  return { kind: 'refused', because, id };
}
