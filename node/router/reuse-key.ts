import { exactCanonicalJson, sha256Hex } from '../../src/kernel/index.ts';
import { isObject, META, type RpcRequest } from '../../src/mcp/index.ts';
import type { Job } from './job.ts';

/** What a request may carry beside what it asks for and still get another's answer. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...[META.protocolVersion, META.clientInfo, META.clientCapabilities, META.logLevel],
  ...['progressToken', 'traceparent', 'tracestate', 'baggage'],
]);

/** Under which names a result is kept: for whoever may ask, and for this agent, as it is authorised now. */
export interface ReuseKeys {
  readonly all: string;
  readonly own: string;
}

/** undefined: the request asks for more than a result of its arguments. `root`: of the policy in force. */
export function reuseKeysOf(job: Job, root: string): ReuseKeys | undefined {
  const asked = askedIn(job.request);
  const { service, server, context, request } = job;
  if (asked === undefined || service === undefined) return undefined;
  const { agentId, level, permissions } = context.principal;
  const what = [root, server, service.definitionHash, context.era, request.method, job.target];
  try {
    const all = sha256Hex(exactCanonicalJson([...what, asked]));
    return { all, own: sha256Hex(exactCanonicalJson([all, agentId, level, permissions ?? null])) };
  } catch {
    return undefined; // canonical JSON has no form for these arguments
  }
}

function askedIn({ params }: RpcRequest): object | undefined {
  if (params === undefined) return undefined;
  const { _meta: meta, name: _name, uri: _uri, arguments: args, ...more } = params;
  if (Object.keys(more).length > 0) return undefined;
  if (meta !== undefined && !(isObject(meta) && Object.keys(meta).every((key) => HARMLESS.has(key)))) return undefined;
  return isObject(args) ? args : {};
}
