const BORDER = '__';

/** What a call is for, as patterns know it: `name` of the village's own, or of the third-party `server`. Made by `scopeOf`. */
export interface Scope {
  /** The alias under which its node hosts it; undefined: the village's own. */
  readonly server: string | undefined;
  /** As agents see it, behind its server's name; `*`: all that the server has. */
  readonly name: string;
}

/** `everything__echo`, `mesh_ping`. */
export function spelledScope({ server, name }: Scope): string {
  return server === undefined ? name : `${server}${BORDER}${name}`;
}

/**
 * Whether `pattern` includes `scope`. In a pattern `*` stands for any run of characters, and the first `__` parts a server from what
 * it has: `everything__*` is all of that server. Without `__` it is about the village's own, so that nobody gets into `mesh_*` by
 * calling a server `mesh_more`; only `*` alone is everything.
 */
export function includes(pattern: string, { server, name }: Scope): boolean {
  if (EVERYTHING.test(pattern)) return true;
  const border = pattern.indexOf(BORDER);
  if (server === undefined || border < 0) return server === undefined && border < 0 && matches(pattern, name);
  return matches(pattern.slice(0, border), server) && matches(pattern.slice(border + BORDER.length), name);
}
const EVERYTHING = /^\*+$/;

/** Whether one of `patterns` (undefined: not narrowed) may include something of `server`. */
export function reaches(patterns: readonly string[] | undefined, server: string): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    const border = pattern.indexOf(BORDER);
    return border < 0 ? EVERYTHING.test(pattern) : matches(pattern.slice(0, border), server);
  });
}

/** `*` stands for any run of characters; everything else for itself. Linear: no pattern can be made to backtrack. */
export function matches(pattern: string, name: string): boolean {
  let at = 0;
  const parts = pattern.split('*');
  for (const [index, part] of parts.entries()) {
    if (index === 0) {
      if (!name.startsWith(part)) return false;
      at = part.length;
      continue;
    }
    const last = index === parts.length - 1;
    const found = last ? name.length - part.length : name.indexOf(part, at);
    if (found < at || (last && !name.endsWith(part))) return false;
    at = found + part.length;
  }
  return at === name.length;
}
