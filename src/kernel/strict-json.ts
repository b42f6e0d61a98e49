/** Any JSON string, and the colon after it when it names a member. Only for text that JSON.parse has accepted. */
const STRINGS = /"(?:[^"\\]|\\.)*"([ \t\n\r]*:)?/g;

/**
 * The value of a JSON text, or undefined when it is not JSON or an object in it names a member twice: two readers of such
 * a text may see two things. (No JSON text has the value undefined.)
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  let named = 0;
  for (const match of text.matchAll(STRINGS)) if (match[1] !== undefined) named += 1;
  return named === countMembers(value) ? value : undefined;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce<number>((sum, item) => sum + countMembers(item), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}
