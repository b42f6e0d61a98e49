import { isObject } from './envelope.ts';
import { decodeHeader, encodeHeader, type HeaderRefusal } from './headers.ts';

/** An argument that its tool's schema wants repeated in a header (`x-mcp-header`), so that proxies can route by it. */
export interface MirroredArgument {
  /** In lower case, as Node names headers: `mcp-param-region`. */
  readonly header: string;
  /** Where the argument lies in `params.arguments`. */
  readonly path: readonly string[];
  readonly isNumber: boolean;
}

const MAX_DEPTH = 16;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const NONE: readonly MirroredArgument[] = [];

/** The arguments that `inputSchema` wants mirrored, through nested objects. Of two with the same header the first counts. */
export function mirroredArguments(inputSchema: unknown): readonly MirroredArgument[] {
  const found = new Map<string, MirroredArgument>();
  collect(inputSchema, [], found);
  return found.size === 0 ? NONE : [...found.values()];
}

function collect(schema: unknown, path: readonly string[], found: Map<string, MirroredArgument>): void {
  const properties = isObject(schema) ? schema['properties'] : undefined;
  if (!isObject(properties) || path.length >= MAX_DEPTH) return;
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) continue;
    const at = [...path, name];
    const asked = property['x-mcp-header'];
    if (typeof asked === 'string' && TOKEN.test(asked)) {
      const header = `mcp-param-${asked.toLowerCase()}`;
      const isNumber = property['type'] === 'integer' || property['type'] === 'number';
      if (!found.has(header)) found.set(header, { header, path: at, isNumber });
    }
    collect(property, at, found);
  }
}

/** Whether the headers say what the arguments say; an argument that is not given needs no header. The refusal is HTTP 400. */
export function checkMirrored(
  mirrored: readonly MirroredArgument[],
  args: unknown,
  headerOf: (name: string) => string | undefined,
): HeaderRefusal | undefined {
  for (const one of mirrored) {
    const { header, path, isNumber } = one;
    const value = valueOf(one, args);
    if (value === undefined) continue;
    const given = headerOf(header);
    if (given === undefined) return refusal(`the ${header} header is missing`);
    const decoded = decodeHeader(given);
    if (decoded === undefined) return refusal(`${header} is not valid base64`);
    const equal = decoded === value || (isNumber && DECIMAL.test(decoded) && Number(decoded) === Number(value));
    if (!equal) return refusal(`${header} differs from params.arguments.${path.join('.')}`);
  }
  return undefined;
}

/** The headers that repeat the arguments: what `checkMirrored` then finds right. */
export function argumentHeaders(mirrored: readonly MirroredArgument[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const one of mirrored) {
    const value = valueOf(one, args);
    if (value !== undefined) headers[one.header] = encodeHeader(value);
  }
  return headers;
}

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** What the header is to say; undefined: the argument is not given, or nothing a header can say. */
function valueOf({ path }: MirroredArgument, args: unknown): string | undefined {
  const value = path.reduce<unknown>((inside, key) => (isObject(inside) ? own(inside, key) : undefined), args);
  const sayable = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
  return sayable ? String(value) : undefined;
}

function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function refusal(message: string): HeaderRefusal {
  return { kind: 'refused', error: 'HEADER_MISMATCH', message };
}
