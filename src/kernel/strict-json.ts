/** Any JSON string, and the colon after it when it names a member. Only for text that JSON.parse has accepted. */
const STRINGS = /"(?:[^"\\]|\\.)*"([ \t\n\r]*:)?/g;

/** How deep containers may lie in each other: twice what a message of MCP may have, for statements that carry one. */
const MAX_DEPTH = 256;

/**
 * The value of a JSON text, or undefined when it is not JSON, is nested over 256 deep, or an object in it names a member twice: two
 * readers of such a text may see two things. (No JSON text has the value undefined.) Never throws.
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
  return named === countMembers(value, MAX_DEPTH) ? value : undefined;
}

/** NaN for what is nested deeper than `limit`: how deep a reader may go must not hang on how much stack it has left. */
function countMembers(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (limit === 0) return Number.NaN;
  const inner = Object.values(value).reduce<number>((sum, item) => sum + countMembers(item, limit - 1), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}
