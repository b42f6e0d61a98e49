import { nearestDouble } from './exact-json.ts';

type Numbers = 'doubles' | 'as written';

/**
 * The canonical JSON text of `value` (RFC 8785, JCS): members sorted by UTF-16 code units, no spaces, ECMAScript numbers.
 * Throws TypeError for what JSON cannot carry (undefined, functions, non-finite numbers, lone surrogates, cycles).
 */
export function canonicalJson(value: unknown): string {
  return write(value, { above: new Set(), numbers: 'doubles' });
}

/**
 * As canonicalJson, but a number that `parseExactJson` kept stays as it was written, so that values that differ have texts that differ.
 * For what tells values apart (a cache's key, a digest of a call); what is signed or read again is canonicalJson.
 */
export function exactCanonicalJson(value: unknown): string {
  return write(value, { above: new Set(), numbers: 'as written' });
}

interface Writing {
  readonly above: Set<object>;
  readonly numbers: Numbers;
}

function write(value: unknown, writing: Writing): string {
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
      return value === null ? 'null' : writeObject(value, writing);
    default:
      throw new TypeError(`canonical JSON: ${typeof value} has no JSON form`);
  }
}

function writeObject(value: object, writing: Writing): string {
  const number = nearestDouble(value);
  // RFC 8785 knows doubles alone.
  if (number !== undefined) return writing.numbers === 'doubles' ? write(number, writing) : JSON.stringify(value);
  const { above } = writing;
  if (above.has(value)) throw new TypeError('canonical JSON: a cycle');
  above.add(value);
  const out = Array.isArray(value)
    ? writeArray(value, writing)
    : writeMembers(value as Record<string, unknown>, writing);
  above.delete(value);
  return out;
}

function writeArray(items: readonly unknown[], writing: Writing): string {
  return `[${items.map((item) => write(item, writing)).join(',')}]`;
}

function writeMembers(members: Record<string, unknown>, writing: Writing): string {
  const parts: string[] = [];
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue; // an absent optional field, as JSON.stringify reads it
    parts.push(`${write(name, writing)}:${write(member, writing)}`);
  }
  return `{${parts.join(',')}}`;
}
