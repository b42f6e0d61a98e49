import { fromBase64Url, text, toBase64Url, utf8 } from './bytes.ts';
import { canonicalJson } from './canonical-json.ts';
import { verifyEd25519 } from './hash.ts';
import { parseStrictJson } from './strict-json.ts';

/** The protected header of a statement: exactly these members. */
export interface JwsHeader {
  readonly alg: 'EdDSA';
  /** Says what the statement is for, so that one kind is never taken for another. */
  readonly typ: string;
  readonly kid?: string | undefined;
}

export type JwsRefusal =
  | 'too-large'
  | 'malformed'
  | 'bad-header'
  | 'wrong-type'
  | 'not-canonical'
  | 'unknown-key'
  | 'bad-signature';
export type JwsPayload = Readonly<Record<string, unknown>>;
export type OpenedJws =
  | { readonly kind: 'opened'; readonly header: JwsHeader; readonly payload: JwsPayload }
  | { readonly kind: 'refused'; readonly because: JwsRefusal };

export interface OpenJwsOptions {
  readonly typ: string;
  /** The raw Ed25519 key, or what picks it; the payload it is shown is not verified yet. undefined: no such key. */
  readonly key: Uint8Array | ((header: JwsHeader, unverified: JwsPayload) => Uint8Array | undefined);
  /** Of the whole token, in characters. Checked first. */
  readonly maxBytes: number;
}

/**
 * Verifies a compact JWS (EdDSA) over the bytes that came and reads its payload. Header and payload must be canonical
 * JSON, so that one statement has one spelling and its hash names it. Never throws.
 */
export function openJws(token: string, options: OpenJwsOptions): OpenedJws {
  const parts = readJws(token, options.maxBytes);
  if (typeof parts === 'string') return refused(parts);
  const header = headerOf(parts.header);
  if (header === undefined) return refused('bad-header');
  if (header.typ !== options.typ) return refused('wrong-type');
  if (!isCanonical(parts.header, parts.headerText) || !isCanonical(parts.payload, parts.payloadText)) {
    return refused('not-canonical');
  }
  const key = typeof options.key === 'function' ? options.key(header, parts.payload) : options.key;
  if (key === undefined) return refused('unknown-key');
  if (!verifyEd25519(key, parts.signingInput, parts.signature)) return refused('bad-signature');
  return { kind: 'opened', header, payload: parts.payload };
}

/** What is signed: `BASE64URL(header).BASE64URL(payload)`, both canonical JSON. Append `.` and the signature for the token. */
export function signingInput(header: JwsHeader, payload: JwsPayload): string {
  return `${toBase64Url(utf8(canonicalJson(header)))}.${toBase64Url(utf8(canonicalJson(payload)))}`;
}

/** A compact JWS taken apart and not verified. */
export interface JwsParts {
  readonly header: JwsPayload;
  readonly headerText: string;
  readonly payload: JwsPayload;
  readonly payloadText: string;
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
}

/** Takes a compact JWS apart: canonical base64url, UTF-8, JSON objects without a member named twice, a 64-byte signature. */
export function readJws(token: string, maxBytes: number): JwsParts | 'too-large' | 'malformed' {
  if (token.length > maxBytes) return 'too-large';
  const [first, second, third, ...more] = token.split('.', 4);
  if (first === undefined || second === undefined || third === undefined || more.length > 0) return 'malformed';
  const header = readObject(first);
  const payload = readObject(second);
  const signature = fromBase64Url(third);
  if (header === undefined || payload === undefined || signature?.length !== 64) return 'malformed';
  return {
    header: header.value,
    headerText: header.text,
    payload: payload.value,
    payloadText: payload.text,
    signingInput: utf8(`${first}.${second}`),
    signature,
  };
}

function readObject(part: string): { readonly value: JwsPayload; readonly text: string } | undefined {
  const bytes = fromBase64Url(part);
  if (bytes === undefined) return undefined;
  let json: string;
  try {
    json = text(bytes);
  } catch {
    return undefined;
  }
  const value = parseStrictJson(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return { value: value as JwsPayload, text: json };
}

function headerOf(header: JwsPayload): JwsHeader | undefined {
  const { alg, typ, kid, ...others } = header;
  if (alg !== 'EdDSA' || typeof typ !== 'string' || Object.keys(others).length > 0) return undefined;
  if (kid !== undefined && typeof kid !== 'string') return undefined;
  return kid === undefined ? { alg, typ } : { alg, typ, kid };
}

function isCanonical(value: JwsPayload, spelling: string): boolean {
  try {
    return canonicalJson(value) === spelling;
  } catch {
    return false; // a lone surrogate: JSON can spell it, canonical JSON has no form for it
  }
}

function refused(because: JwsRefusal): OpenedJws {
  return { kind: 'refused', because };
}
