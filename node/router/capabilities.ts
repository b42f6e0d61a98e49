import { type Era, isObject } from '../../src/mcp/index.ts';
import type { Service } from '../../src/routing/index.ts';

type Capabilities = Readonly<Record<string, unknown>>;

/**
 * What a view can do: whatever one of its servers can. Its lists change whenever a node comes or goes, so every list that
 * it has tells of changes. Tasks are declared as this node serves them: it keeps the list itself.
 */
export function capabilitiesOf(
  services: readonly Service[],
  options: { readonly era: Era; readonly whole: boolean },
): Record<string, unknown> {
  const declared = services.map(({ definition }) => definition.capabilities);
  const any = (name: string): boolean => declared.some((one) => isObject(one[name]));
  const lists = (name: 'tools' | 'resources' | 'prompts'): boolean =>
    options.whole || any(name) || services.some(({ definition }) => definition[name].length > 0);
  const subscribe = declared.some((one) => isObject(one['resources']) && one['resources']['subscribe'] === true);
  const listChanged = true;
  return {
    ...(lists('tools') ? { tools: { listChanged } } : {}),
    ...(lists('resources') ? { resources: { listChanged, ...(subscribe ? { subscribe } : {}) } } : {}),
    ...(lists('prompts') ? { prompts: { listChanged } } : {}),
    ...(any('completions') ? { completions: {} } : {}),
    ...(any('logging') ? { logging: {} } : {}),
    ...(options.era === 'session' ? tasks(declared) : {}),
  };
}

/** Tasks of 2025-11-25: later revisions know them as an extension, which is between an agent and one server. */
function tasks(declared: readonly Capabilities[]): Capabilities {
  const offers = declared.map((one) => one['tasks']).filter(isObject);
  const callable = offers.some(({ requests }) => {
    const tools = isObject(requests) ? requests['tools'] : undefined;
    return isObject(tools) && isObject(tools['call']);
  });
  if (!callable) return {};
  const cancel = offers.some((one) => isObject(one['cancel'])) ? { cancel: {} } : {};
  return { tasks: { list: {}, ...cancel, requests: { tools: { call: {} } } } };
}
