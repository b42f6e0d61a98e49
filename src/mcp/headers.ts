import { isObject } from './envelope.ts';
import type { ErrorName } from './error-table.ts';
import { META } from './eras.ts';
import type { RpcRequest } from './message.ts';
import { STATELESS_VERSION, SUPPORTED_VERSIONS } from './versions.ts';

/** The headers a stateless request mirrors its body in. */
export interface StandardHeaders {
  readonly version: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
}

export interface HeaderRefusal {
  readonly kind: 'refused';
  readonly error: Extract<ErrorName, 'HEADER_MISMATCH' | 'UNSUPPORTED_VERSION' | 'INVALID_PARAMS'>;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/**
 * Whether a stateless request's envelope is whole and its headers say what its body says. Policy reads the body; the headers are
 * what proxies on the way read, so the two must never differ. Every refusal is HTTP 400.
 */
export function checkStateless(request: RpcRequest, headers: StandardHeaders): HeaderRefusal | undefined {
  const claimed = versionOf(request.params?.['_meta']);
  if (typeof claimed !== 'string') return claimed;
  if (headers.version === undefined) return mismatch('the MCP-Protocol-Version header is missing');
  if (trim(headers.version) !== claimed) return mismatch('MCP-Protocol-Version differs from the body');
  if (claimed !== STATELESS_VERSION) {
    return {
      kind: 'refused',
      error: 'UNSUPPORTED_VERSION',
      message: 'this protocol version is not served',
      data: { supported: SUPPORTED_VERSIONS, requested: claimed },
    };
  }
  if (headers.method === undefined) return mismatch('the Mcp-Method header is missing');
  if (trim(headers.method) !== request.method) return mismatch('Mcp-Method differs from the body');
  return checkName(request, headers.name);
}

/** The revision a whole envelope claims. */
function versionOf(meta: unknown): string | HeaderRefusal {
  if (!isObject(meta)) return incomplete('_meta');
  const version = meta[META.protocolVersion];
  if (typeof version !== 'string') return incomplete(META.protocolVersion);
  if (!isObject(meta[META.clientCapabilities])) return incomplete(META.clientCapabilities);
  const info = meta[META.clientInfo];
  if (info !== undefined && !isObject(info)) return incomplete(META.clientInfo);
  return version;
}

function checkName(request: RpcRequest, header: string | undefined): HeaderRefusal | undefined {
  const field = Object.hasOwn(NAMED, request.method) ? NAMED[request.method] : undefined;
  if (field === undefined) return undefined;
  const value = request.params?.[field];
  if (typeof value !== 'string') return undefined; // the method's own check of its params answers that
  if (header === undefined) return mismatch('the Mcp-Name header is missing');
  const decoded = decodeHeader(trim(header));
  if (decoded === undefined) return mismatch('Mcp-Name is not valid base64');
  return decoded === value ? undefined : mismatch(`Mcp-Name differs from params.${field}`);
}

const SENTINEL = /^=\?base64\?(.*)\?=$/;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A header value as the text it stands for: plain, or `=?base64?…?=` (canonical base64 of UTF-8); undefined when that is broken. */
export function decodeHeader(value: string): string | undefined {
  const encoded = SENTINEL.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A text as a header value: plain where that is safe, else `=?base64?…?=`. The inverse of `decodeHeader`. */
export function encodeHeader(text: string): string {
  const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !SENTINEL.test(text);
  return plain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

/** The headers that mirror a stateless request's body: what `checkStateless` then finds equal. */
export function mirrorHeaders(request: RpcRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  const meta = request.params?.['_meta'];
  const version = isObject(meta) ? meta[META.protocolVersion] : undefined;
  if (typeof version === 'string' && /^[\x21-\x7e]+$/.test(version)) headers['MCP-Protocol-Version'] = version;
  if (/^[\x21-\x7e]+$/.test(request.method)) headers['Mcp-Method'] = request.method;
  const field = Object.hasOwn(NAMED, request.method) ? NAMED[request.method] : undefined;
  const name = field === undefined ? undefined : request.params?.[field];
  if (typeof name === 'string') headers['Mcp-Name'] = encodeHeader(name);
  return headers;
}

/** The spaces and tabs HTTP allows around a value, off. */
function trim(value: string): string {
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first === 32 || first === 9 || last === 32 || last === 9 ? value.replace(/^[ \t]+/, '').trimEnd() : value;
}

function mismatch(message: string): HeaderRefusal {
  return { kind: 'refused', error: 'HEADER_MISMATCH', message };
}

function incomplete(field: string): HeaderRefusal {
  return { kind: 'refused', error: 'INVALID_PARAMS', message: `missing or malformed in _meta: ${field}` };
}
