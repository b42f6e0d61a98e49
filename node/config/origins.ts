import { keyPath } from './key-path.ts';
import type { Config } from './schema.ts';

export type Origin = 'default' | 'file' | 'environment' | 'flag';

/** Every value of a configuration and where it came from, by its path; secrets are masked. */
export type Origins = ReadonlyMap<string, { readonly value: unknown; readonly origin: Origin }>;

export interface OriginInputs {
  readonly file: Readonly<Record<string, unknown>>;
  readonly flags: object;
  readonly fromEnvironment: ReadonlySet<string>;
}

export function originsOf(config: Config, inputs: OriginInputs): Origins {
  const found = new Map<string, { value: unknown; origin: Origin }>();
  const walk = (value: unknown, path: readonly string[]): void => {
    if (isBranch(value)) {
      for (const [key, member] of Object.entries(value)) if (member !== undefined) walk(member, [...path, key]);
      return;
    }
    const at = keyPath(path);
    found.set(at, { value: isSecret(path) ? '***' : value, origin: originOf(at, path, inputs) });
  };
  walk(config, []);
  return found;
}

function originOf(at: string, path: readonly string[], inputs: OriginInputs): Origin {
  if ((inputs.flags as Record<string, unknown>)[path[0] ?? ''] !== undefined) return 'flag';
  // A list is one value here, and a variable may stand in any of its items.
  if ([...inputs.fromEnvironment].some((name) => unaliased(name) === at || unaliased(name).startsWith(`${at}[`)))
    return 'environment';
  let here: unknown = inputs.file;
  for (const key of path) {
    if (!isBranch(here) || !Object.hasOwn(here, key)) return 'default';
    here = here[key];
  }
  return 'file';
}

const unaliased = (path: string) => path.replace(/^servers\./, 'mcpServers.');

// What a server is given in its environment, headers or argument list is its own business, and often a key.
function isSecret(path: readonly string[]): boolean {
  return path[0] === 'mcpServers' && ['env', 'headers', 'args', 'url'].includes(path[2] ?? '');
}

function isBranch(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}
