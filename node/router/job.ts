import type { RpcRequest } from '../../src/mcp/index.ts';
import type { Permission, Scope } from '../../src/permissions/index.ts';
import type { Service } from '../../src/routing/index.ts';
import type { BackendContext } from '../backends/backend.ts';
import type { CallSpan } from './call-tracing.ts';
import type { Refused } from './gate.ts';
import type { Standing } from './vote-port.ts';

/** One call on its way through the pipeline, in its server's own names. */
export interface Job {
  /** `call`: asked here by an agent; `serve`: done here for a peer. */
  readonly side: 'call' | 'serve';
  readonly request: RpcRequest;
  readonly context: BackendContext;
  /** The server's alias; empty while none is found. */
  readonly server: string;
  /** What is known of that server; undefined while none is found. */
  readonly service?: Pick<Service, 'kind' | 'definition' | 'definitionHash'> | undefined;
  /** Tool or prompt name, or URI. */
  readonly target: string;
  /** Matrix entry or the server's configured access; undefined: not listed, which denies. */
  readonly permission: Permission | undefined;
  /** What a narrowed token must include. */
  readonly scope: Scope;
  /** Tool or prompt name, or URI, as its caller knows it. */
  readonly called: string;
  /** The other node of a hop, once it is known; empty where there is none. */
  peer: string;
  /** The one node that may be asked: it may have run this call before. */
  only?: string | undefined;
  readonly sourceIp: string;
  readonly argumentsHash: string;
  /** `performance.now()`. */
  readonly began: number;
  /** Where it is traced. */
  readonly span?: CallSpan | undefined;
  /** Whether voters must be asked; the pipeline says it before anything else looks at the call. */
  standing?: Standing | undefined;
  /** Why it was not let through, once that is decided. */
  refused?: Refused | undefined;
}

const MAX_JUSTIFICATION = 2000;

/** What the caller gave as a reason, where the tool asks for one; empty: none. */
export function justificationOf({ request, permission }: Pick<Job, 'request' | 'permission'>): string {
  if (permission?.requiresJustification !== true) return '';
  const args = request.params?.['arguments'] as { justification?: unknown } | undefined;
  return typeof args?.justification === 'string' ? args.justification.trim().slice(0, MAX_JUSTIFICATION) : '';
}

/** Tool or prompt name, or URI, as the request spells it; cut to what a log line should carry. */
export function nameIn({ params }: RpcRequest): string {
  const name = params?.['name'] ?? params?.['uri'] ?? '';
  return typeof name === 'string' ? name.slice(0, 512) : '';
}
