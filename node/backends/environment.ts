const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'SHELL'] as const;

/** Marks every descendant of one child, however it detached itself: `VILLAGE_CHILD=<run>.<n>`. */
export const MARK = 'VILLAGE_CHILD';

/** What a hosted server sees: a few harmless variables of `parent`, its own configuration, and our mark. Nothing else. */
export function childEnvironment(
  parent: Readonly<Record<string, string | undefined>>,
  own: { readonly env: Readonly<Record<string, string>>; readonly mark: string },
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = parent[name];
    if (value !== undefined) out[name] = value;
  }
  return { ...out, ...own.env, [MARK]: own.mark };
}
