import { encodeHeader, isObject, META, mirrorHeaders, type RpcRequest } from '../../src/mcp/index.ts';
import type { OutgoingMessage } from './channel.ts';

type Schema = Readonly<Record<string, unknown>>;

/** The headers that repeat a stateless request's body; undefined for a message of the session era. Source: MCP 2026-07-28. */
export function statelessHeaders(
  message: OutgoingMessage,
  inputSchemaOf: (tool: string) => Schema | undefined,
): Record<string, string> | undefined {
  const { method, params } = message;
  const meta = params?.['_meta'];
  if (method === undefined || !isObject(meta) || typeof meta[META.protocolVersion] !== 'string') return undefined;
  const headers = mirrorHeaders(message as RpcRequest);
  const name = params?.['name'];
  if (method === 'tools/call' && typeof name === 'string') {
    mirrorArguments(params?.['arguments'], inputSchemaOf(name), { headers, depth: 0 });
  }
  return headers;
}

const MAX_DEPTH = 16;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

/** `Mcp-Param-*` for the arguments whose schema asks for it, through nested objects. */
function mirrorArguments(
  values: unknown,
  schema: unknown,
  into: { readonly headers: Record<string, string>; readonly depth: number },
): void {
  const properties = isObject(schema) ? schema['properties'] : undefined;
  if (!isObject(properties) || !isObject(values) || into.depth > MAX_DEPTH) return;
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property) || !Object.hasOwn(values, name)) continue;
    const value = values[name];
    const header = property['x-mcp-header'];
    const primitive = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
    if (typeof header !== 'string') mirrorArguments(value, property, { ...into, depth: into.depth + 1 });
    else if (primitive && TOKEN.test(header)) into.headers[`Mcp-Param-${header}`] = encodeHeader(String(value));
  }
}
