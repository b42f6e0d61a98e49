import { isObject, META } from '../../src/mcp/index.ts';
import type { OutgoingMessage } from './channel.ts';

type Schema = Readonly<Record<string, unknown>>;

const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** The headers that repeat a stateless request's body; undefined for a message of the session era. Source: MCP 2026-07-28. */
export function mirrorHeaders(
  message: OutgoingMessage,
  inputSchemaOf: (tool: string) => Schema | undefined,
): Record<string, string> | undefined {
  const { method, params } = message;
  const meta = params?.['_meta'];
  const version = isObject(meta) ? meta[META.protocolVersion] : undefined;
  if (method === undefined || typeof version !== 'string') return undefined;
  const field = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const name = field === undefined ? undefined : params?.[field];
  const out: Record<string, string> = { 'mcp-protocol-version': version, 'mcp-method': method };
  if (typeof name !== 'string') return out;
  out['mcp-name'] = headerValue(name);
  if (method === 'tools/call') mirrorArguments(params?.['arguments'], inputSchemaOf(name), out);
  return out;
}

/** `Mcp-Param-*` for the arguments whose schema asks for it, through nested objects. */
function mirrorArguments(values: unknown, schema: unknown, out: Record<string, string>, depth = 0): void {
  const properties = isObject(schema) ? schema['properties'] : undefined;
  if (!isObject(properties) || !isObject(values) || depth > 16) return;
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property) || !Object.hasOwn(values, name)) continue;
    const value = values[name];
    const header = property['x-mcp-header'];
    const primitive = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
    if (typeof header !== 'string') mirrorArguments(value, property, out, depth + 1);
    else if (primitive && TOKEN.test(header)) out[`mcp-param-${header.toLowerCase()}`] = headerValue(String(value));
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const PLAIN = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

/** `text` as a header can carry it: plain where that is beyond doubt, else `=?base64?…?=`. */
function headerValue(text: string): string {
  const plain = PLAIN.test(text) && !text.startsWith('=?base64?');
  return plain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
