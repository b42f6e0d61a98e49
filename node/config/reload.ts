import type { Config } from './schema.ts';

/** What a changed file means for a node that runs, by key path. */
export interface Reload {
  /** In force at once. */
  readonly applied: readonly string[];
  /** In force when the node is started next. */
  readonly wantsRestart: readonly string[];
}

/** Groups of which each member counts by itself. */
const GROUPS = ['log', 'limits', 'discovery', 'tools', 'fog'] as const;
/** What a running node reads each time that it needs it, or is told of; the rest was used up at its start. */
const LIVE =
  /^(\$schema|mcpServers|servers|defaultAgent|log\.\w+|limits\.\w+|tools\.\w+|fog\.(offer|labels|minLevel|artifacts|publishers))$/;

/** The keys whose values differ, told apart by whether a running node can follow. */
export function reloadOf(before: Config, after: Config): Reload {
  const [old, fresh] = [flat(before), flat(after)];
  const changed = [...new Set([...old.keys(), ...fresh.keys()])].filter((key) => old.get(key) !== fresh.get(key));
  return {
    applied: changed.filter((key) => LIVE.test(key)),
    wantsRestart: changed.filter((key) => !LIVE.test(key)),
  };
}

/** Key path → JSON. */
function flat(config: Config): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const [key, value] of Object.entries(config)) {
    if (!GROUPS.some((group) => group === key)) found.set(key, JSON.stringify(value));
    else
      for (const [inner, member] of Object.entries(value as object))
        found.set(`${key}.${inner}`, JSON.stringify(member));
  }
  return found;
}
