import { keyPath } from './key-path.ts';

export interface Expanded {
  readonly value: unknown;
  /** Variables that are not set, with the key that names them. */
  readonly undefinedVariables: readonly { readonly path: string; readonly name: string }[];
  /** Paths whose text came, in part, from the environment. */
  readonly fromEnvironment: ReadonlySet<string>;
}

// `$${NAME}` writes a literal `${NAME}`.
const REFERENCE = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Replaces `${NAME}` and `${NAME:-otherwise}` in every string value (never in a key) from `env`. */
export function expandVariables(value: unknown, env: Readonly<Record<string, string | undefined>>): Expanded {
  const undefinedVariables: { path: string; name: string }[] = [];
  const fromEnvironment = new Set<string>();

  const inText = (text: string, path: readonly (string | number)[]) =>
    text.replace(REFERENCE, (whole, escaped: string, name: string, otherwise: string | undefined) => {
      if (escaped !== '') return whole.slice(1);
      const found = env[name] ?? otherwise;
      if (found === undefined) undefinedVariables.push({ path: keyPath(path), name });
      fromEnvironment.add(keyPath(path));
      return found ?? '';
    });

  const inValue = (item: unknown, path: readonly (string | number)[]): unknown => {
    if (typeof item === 'string') return inText(item, path);
    if (Array.isArray(item)) return item.map((entry, index) => inValue(entry, [...path, index]));
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, member]) => [key, inValue(member, [...path, key])]));
  };

  return { value: inValue(value, []), undefinedVariables, fromEnvironment };
}
