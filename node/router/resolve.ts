import type { PolicyView } from '../../src/constitution/index.ts';
import { isObject, type ErrorName, type RpcRequest } from '../../src/mcp/index.ts';
import type { Permission } from '../../src/permissions/index.ts';
import {
  type Catalogue,
  type KnownTask,
  replicaOn,
  resourceOwner,
  type Service,
  type View,
} from '../../src/routing/index.ts';
import { readState } from '../backends/request-state.ts';

/** What a request is about: one service, asked in its own names. */
export interface Target {
  readonly service: Service;
  /** Tool or prompt name, or URI, on its own server. */
  readonly name: string;
  /** The request as the service is to see it. */
  readonly request: RpcRequest;
  /** A call that names the node which must answer it. */
  readonly nodeId: string | undefined;
  /** The task that it is about. */
  readonly task?: KnownTask | undefined;
}

export interface NotFound {
  readonly error: ErrorName;
  readonly message: string;
  /** The server that looking further might find. */
  readonly wanted?: string | undefined;
}

export type Resolution = { readonly kind: 'target'; readonly target: Target } | ({ readonly kind: 'none' } & NotFound);

/** Finds what `request` is about in the view it came by. */
export function resolve(catalogue: Catalogue, request: RpcRequest, view: string | undefined): Resolution {
  const seen = view === undefined ? catalogue.village : catalogue.views.get(view);
  if (seen === undefined) return none('INVALID_PARAMS', `there is no server ${view}`, view);
  switch (request.method) {
    case 'tools/call':
      return toolCall(seen, request);
    case 'prompts/get':
      return promptGet(seen, request);
    case 'resources/read':
    case 'resources/subscribe':
      return resourceAt(seen, request);
    case 'completion/complete':
      return completion(seen, request);
    default:
      return none('METHOD_NOT_FOUND', `there is no method ${request.method}`);
  }
}

/** What the village asks of the caller: the matrix for a role's tools, the hosting node's configuration for a third party's. */
export function permissionOf(
  policy: PolicyView,
  service: Pick<Service, 'kind' | 'access'>,
  method: string,
  name: string,
): Permission | undefined {
  if (service.kind === 'role') {
    return method === 'tools/call' ? policy.permissionFor(name) : { level: 'READ_ONLY', auditRequired: false };
  }
  const { access } = service;
  if (access === undefined) return undefined;
  const level = method === 'tools/call' && Object.hasOwn(access.tools, name) ? access.tools[name] : access.level;
  return level === undefined ? undefined : { level, auditRequired: false };
}

function toolCall(view: View, request: RpcRequest): Resolution {
  const name = request.params?.['name'];
  if (typeof name !== 'string') return none('INVALID_PARAMS', 'tools/call needs params.name, a string');
  const args = request.params?.['arguments'];
  if (args !== undefined && !isObject(args)) return none('INVALID_PARAMS', 'params.arguments must be an object');
  const entry = view.tools.get(name);
  if (entry === undefined) return none('INVALID_PARAMS', `Unknown tool: ${name}`, aliasIn(name));
  const { service, ownName } = entry;
  const asked = service.kind === 'role' ? args?.['node_id'] : undefined;
  const nodeId = typeof asked === 'string' && ownName === 'mesh_ping' ? asked : undefined;
  return found({ service, name: ownName, request: renamed(request, name, ownName), nodeId });
}

function promptGet(view: View, request: RpcRequest): Resolution {
  const name = request.params?.['name'];
  if (typeof name !== 'string') return none('INVALID_PARAMS', 'prompts/get needs params.name, a string');
  const entry = view.prompts.get(name);
  if (entry === undefined) return none('INVALID_PARAMS', `Unknown prompt: ${name}`, aliasIn(name));
  const { service, ownName } = entry;
  return found({ service, name: ownName, request: renamed(request, name, ownName), nodeId: undefined });
}

function resourceAt(view: View, request: RpcRequest): Resolution {
  const uri = request.params?.['uri'];
  if (typeof uri !== 'string') return none('INVALID_PARAMS', `${request.method} needs params.uri, a string`);
  const service = resourceOwner(view, uri);
  if (service === undefined) return none('RESOURCE_NOT_FOUND', `Resource not found: ${uri}`);
  return found({ service, name: uri, request, nodeId: undefined });
}

function completion(view: View, request: RpcRequest): Resolution {
  const ref = request.params?.['ref'];
  if (!isObject(ref)) return none('INVALID_PARAMS', 'completion/complete needs params.ref, an object');
  if (typeof ref['name'] === 'string') {
    const entry = view.prompts.get(ref['name']);
    if (entry === undefined) return none('INVALID_PARAMS', `Unknown prompt: ${ref['name']}`);
    const params = { ...request.params, ref: { ...ref, name: entry.ownName } };
    return found({ service: entry.service, name: entry.ownName, request: { ...request, params }, nodeId: undefined });
  }
  const uri = ref['uri'];
  if (typeof uri !== 'string') return none('INVALID_PARAMS', 'params.ref names neither a prompt nor a resource');
  const service = view.templates.get(uri)?.service ?? resourceOwner(view, uri);
  if (service === undefined) return none('INVALID_PARAMS', `Unknown resource: ${uri}`);
  return found({ service, name: uri, request, nodeId: undefined });
}

/** The request itself where the name does not change, so that most calls allocate nothing. */
function renamed(request: RpcRequest, name: string, ownName: string): RpcRequest {
  return name === ownName ? request : { ...request, params: { ...request.params, name: ownName } };
}

function aliasIn(name: string): string | undefined {
  const end = name.indexOf('__');
  return end > 0 ? name.slice(0, end) : undefined;
}

function found(target: Target): Resolution {
  const nodeId = target.nodeId ?? heldOn(target);
  return { kind: 'target', target: nodeId === target.nodeId ? target : { ...target, nodeId } };
}

/**
 * The node where the call waits that this request goes on with. What the request says of that proves nothing and needs no proof: it
 * only chooses among the service's own nodes, and the node so chosen checks it. Any other requestState is the server's own.
 */
function heldOn({ request, service }: Target): string | undefined {
  const state = request.params?.['requestState'];
  const at = state === undefined ? undefined : readState(state);
  return at !== undefined && replicaOn(service, at.nodeId) !== undefined ? at.nodeId : undefined;
}

function none(error: ErrorName, message: string, wanted?: string | undefined): Resolution {
  return { kind: 'none', error, message, wanted };
}
