/** How different two keys may be, for one to be taken for a slip in the other: this share of the longer one. */
const MAX_SHARE = 0.4;

/**
 * The known key that somebody may have meant; undefined: none is near. A `*` in a known key costs nothing to fill in, and
 * what was filled in is shown.
 */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  let best: { readonly key: string; readonly distance: number } | undefined;
  for (const one of known) {
    const filled = fill(one, key.split('.'));
    const distance = distanceOf(key, filled);
    if (distance > MAX_SHARE * Math.max(key.length, filled.length)) continue;
    if (best === undefined || distance < best.distance) best = { key: filled, distance };
  }
  return best?.key;
}

function fill(pattern: string, parts: readonly string[]): string {
  return pattern
    .split('.')
    .map((part, index) => (part === '*' ? (parts[index] ?? part) : part))
    .join('.');
}

/** Letters to insert, leave out or exchange. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= other.length; to += 1) {
      const exchanged = (row[to - 1] as number) + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min((row[to] as number) + 1, (next[to - 1] as number) + 1, exchanged));
    }
    row = next;
  }
  return row[other.length] as number;
}
