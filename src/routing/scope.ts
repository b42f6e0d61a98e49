import { isObject, type RpcRequest } from '../mcp/index.ts';
import type { Scope } from '../permissions/index.ts';
import { exposedName } from './names.ts';
import type { Service } from './service.ts';

type Kind = Pick<Service, 'kind' | 'alias'>;

/**
 * A tool or prompt as the patterns of a token know it. The alias, not the label: a label is what one catalogue calls a server, and the
 * node that serves it must find the same.
 */
export function scopeOf({ kind, alias }: Kind, ownName: string): Scope {
  if (kind === 'role') return { server: undefined, name: ownName };
  // As agents see it, so with what clients refuse replaced, and cut where it is too long.
  return { server: alias, name: exposedName(alias, ownName).slice(alias.length + '__'.length) };
}

/** Everything a server has: what resources need, since the characters of a URI are none that a pattern may hold. */
export function scopeOfAll({ alias }: Pick<Service, 'alias'>): Scope {
  return { server: alias, name: '*' };
}

/** What `request`, in the server's own names, needs to be included. `tool`: that of the task it is about. */
export function scopeOfRequest(service: Kind, { method, params }: RpcRequest, tool?: string | undefined): Scope {
  if (tool !== undefined) return scopeOf(service, tool);
  const named = method === 'completion/complete' ? promptIn(params) : params;
  const byName = method === 'tools/call' || method === 'prompts/get' || method === 'completion/complete';
  return byName && typeof named?.['name'] === 'string' ? scopeOf(service, named['name']) : scopeOfAll(service);
}

/** The prompt whose arguments are completed; undefined: a resource's are. */
function promptIn(params: RpcRequest['params']): Readonly<Record<string, unknown>> | undefined {
  const ref = params?.['ref'];
  return isObject(ref) && ref['type'] === 'ref/prompt' ? ref : undefined;
}
