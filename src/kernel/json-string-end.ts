export const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Where the string that opens at `start` of a JSON text closes: the index of its second quote, or the text's length when it never does.
 * Linear in the string, whatever is escaped in it.
 */
export function jsonStringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 0) return at;
  }
  return text.length;
}
