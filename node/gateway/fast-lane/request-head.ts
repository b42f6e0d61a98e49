import type { IncomingHttpHeaders } from 'node:http';

/** The head of a request that leaves nothing open to interpretation. */
export interface RequestHead {
  readonly url: string;
  /** By name in lower case; each came once. */
  readonly headers: IncomingHttpHeaders;
  readonly contentLength: number;
}

const REQUEST_LINE = /POST (\/[!-"$-~]*) HTTP\/1\.1\r\n/y;
const FIELD = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([!-~](?:[ -~]*[!-~])?)\r\n/y;
const LENGTH = /^(?:0|[1-9]\d{0,8})$/;
const MAX_FIELDS = 64;
/** What changes how a message is framed or a connection goes on; `connection` only where it says anything but keep-alive. */
const OTHERWISE: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'te',
  'http2-settings',
  'proxy-connection',
  '__proto__', // lost in node:http's own objects
]);

/**
 * Reads the head of a POST, from its first byte to its empty line. undefined: it is not of the one plain form that is read here (each
 * line ends in CRLF, one space follows each colon, values are visible ASCII, no name comes twice, the length is told in digits). What
 * this takes, `node:http` reads the same way; what is any other way is for `node:http` to judge.
 */
export function readRequestHead(text: string): RequestHead | undefined {
  REQUEST_LINE.lastIndex = 0;
  const url = REQUEST_LINE.exec(text)?.[1];
  if (url === undefined) return undefined;
  const headers = Object.create(null) as Record<string, string>;
  let at = REQUEST_LINE.lastIndex;
  const last = text.length - 2; // where the empty line begins
  for (let fields = 0; at < last; fields += 1) {
    FIELD.lastIndex = at;
    const [, spelled, value] = FIELD.exec(text) ?? [];
    if (spelled === undefined || value === undefined || fields >= MAX_FIELDS) return undefined;
    const name = spelled.toLowerCase();
    if (name in headers || OTHERWISE.has(name)) return undefined;
    headers[name] = value;
    at = FIELD.lastIndex;
  }
  const { host, connection, 'content-length': length } = headers;
  if (at !== last || !text.endsWith('\r\n\r\n') || host === undefined) return undefined;
  if (length === undefined || !LENGTH.test(length)) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined;
  return { url, headers, contentLength: Number(length) };
}
