import { isObject, type RpcRequest, type ServerDefinition } from '../../src/mcp/index.ts';
import type { BackendReply, Era } from './backend.ts';
import { failure, success } from './reply.ts';
import { isSubscription } from './subscription-methods.ts';

const LISTS: Readonly<Record<string, 'tools' | 'resources' | 'resourceTemplates' | 'prompts'>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

const FORWARDED: readonly string[] = ['tools/call', 'resources/read', 'prompts/get', 'completion/complete'];
const TASKS: readonly string[] = ['tasks/get', 'tasks/result', 'tasks/cancel'];

/** The reply that needs no word with the server; undefined for what is forwarded to it. */
export function answerOurselves(
  request: RpcRequest,
  known: { readonly definition: ServerDefinition | undefined; readonly era: Era; readonly ttlMs: number },
): BackendReply | undefined {
  const { id, method, params } = request;
  if (FORWARDED.includes(method)) {
    if (method !== 'tools/call' || known.definition === undefined) return undefined;
    const name = params?.['name'];
    if (known.definition.tools.some((tool) => tool.name === name)) return undefined;
    return failure(id, {
      name: 'INVALID_PARAMS',
      message: `Unknown tool: ${typeof name === 'string' ? name.slice(0, 128) : ''}`,
    });
  }
  if (isSubscription(method) && subscribable(known.definition)) return undefined;
  if (TASKS.includes(method) && known.era === 'session' && isObject(known.definition?.capabilities['tasks'])) {
    return undefined;
  }
  const complete = known.era === 'stateless' ? { resultType: 'complete' } : {};
  if (method === 'ping') return success(id, complete);
  const list = Object.hasOwn(LISTS, method) ? LISTS[method] : undefined;
  if (list !== undefined) {
    const caching = known.era === 'stateless' ? { ttlMs: known.ttlMs, cacheScope: 'private' } : {};
    return success(id, { ...complete, [list]: known.definition?.[list] ?? [], ...caching });
  }
  return failure(id, { name: 'METHOD_NOT_FOUND', message: 'Method not found' });
}

function subscribable(definition: ServerDefinition | undefined): boolean {
  const resources = definition?.capabilities['resources'];
  return isObject(resources) && resources['subscribe'] === true;
}
