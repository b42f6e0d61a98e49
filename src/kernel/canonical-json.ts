import { nearestDouble } from './exact-json.ts';

/**
 * The canonical JSON text of `value` (RFC 8785, JCS): members sorted by UTF-16 code units, no spaces, ECMAScript numbers.
 * Throws TypeError for what JSON cannot carry (undefined, functions, non-finite numbers, lone surrogates, cycles).
 */
export function canonicalJson(value: unknown): string {
  return write(value, new Set());
}

function write(value: unknown, above: Set<object>): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('canonical JSON: a string with a lone surrogate');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('canonical JSON: a number that is not finite');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, above);
    default:
      throw new TypeError(`canonical JSON: ${typeof value} has no JSON form`);
  }
}

function writeObject(value: object, above: Set<object>): string {
  const number = nearestDouble(value); // RFC 8785 knows doubles alone
  if (number !== undefined) return write(number, above);
  if (above.has(value)) throw new TypeError('canonical JSON: a cycle');
  above.add(value);
  const out = Array.isArray(value) ? writeArray(value, above) : writeMembers(value as Record<string, unknown>, above);
  above.delete(value);
  return out;
}

function writeArray(items: readonly unknown[], above: Set<object>): string {
  return `[${items.map((item) => write(item, above)).join(',')}]`;
}

function writeMembers(members: Record<string, unknown>, above: Set<object>): string {
  const parts: string[] = [];
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue; // an absent optional field, as JSON.stringify reads it
    parts.push(`${write(name, above)}:${write(member, above)}`);
  }
  return `{${parts.join(',')}}`;
}
