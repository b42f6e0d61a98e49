import type { CallEnd, Movable } from '../../protocols/mcp/index.ts';
import { after } from '../../src/kernel/index.ts';
import type { ErrorName, RpcRequest } from '../../src/mcp/index.ts';
import type { PeerLinks } from '../peers/index.ts';
import type { Awaitable, Backend, BackendContext, BackendReply } from './backend.ts';
import { failure } from './reply.ts';

/** The server `alias` on another node. */
export class PeerBackend implements Backend {
  readonly kind = 'peer';
  readonly nodeId: string;
  readonly alias: string;
  readonly #links: Pick<PeerLinks, 'call'>;

  constructor(links: Pick<PeerLinks, 'call'>, options: { readonly nodeId: string; readonly alias: string }) {
    this.#links = links;
    this.nodeId = options.nodeId;
    this.alias = options.alias;
  }

  request(request: RpcRequest, context: BackendContext, movable?: Movable): Awaitable<BackendReply> {
    const ending = this.#links.call(this.nodeId, { server: this.alias, request, context, movable });
    return after(ending, (end) => (end.kind === 'result' && end.body.length > 0 ? end : said(request, end, context)));
  }
}

/** The reply where the peer sent none itself. */
function said(
  request: RpcRequest,
  end: CallEnd,
  { principal: { agentId, expiresAtMs } }: BackendContext,
): BackendReply {
  const isOver = expiresAtMs <= Date.now() && turnsOnToken(end);
  const reply = isOver ? tokenOver(request) : replyTo(request, end, agentId);
  return end.kind === 'result' ? { ...reply, receipt: end.receipt } : reply;
}

interface Said {
  readonly name: ErrorName;
  readonly message: string;
}

const UNREACHABLE: Said = { name: 'NODE_UNREACHABLE', message: 'the node that serves this cannot be reached' };
const BUSY: Said = { name: 'NO_HEALTHY_SERVER', message: 'the node that serves this has no room for another call' };
const NOT_DELEGATED: Said = {
  name: 'PERMISSION_DENIED',
  message: 'the node that serves this does not take this agent’s delegation',
};
const REFUSED_THERE = 'the audit log of that node says why';
const TOO_LARGE: Said = { name: 'TOO_LARGE', message: 'the request is larger than a call between nodes may be' };
const LATE: Said = { name: 'DEADLINE_EXCEEDED', message: 'no answer came before the deadline' };
const CANCELLED: Said = { name: 'OUTCOME_UNKNOWN', message: 'cancelled by its caller' };
const LOST: Said = {
  name: 'OUTCOME_UNKNOWN',
  message: 'the connection ended before the answer; the call may have run',
};
const SILENT: Said = {
  name: 'OUTCOME_UNKNOWN',
  message: 'the node that serves this fell silent before the answer; the call may have run',
};
const UNSEEN: Said = { name: 'TOO_LARGE', message: 'it ran, but its result could not be carried back' };
const FAULT: Said = { name: 'INTERNAL_ERROR', message: 'the node that serves this could not do it; its log says why' };
const MISMATCH: Said = { name: 'INTERNAL_ERROR', message: 'the two nodes do not agree on what was asked' };

/** The reply to `request` where the peer sent none. */
function replyTo(request: RpcRequest, end: CallEnd, agentId: string): BackendReply {
  const began = (said: Said) => failure(request.id, said, { outcome: 'unknown' });
  const notStarted = (said: Said) => failure(request.id, said, { notStarted: true });
  switch (end.kind) {
    case 'lost':
      return began(LOST);
    case 'silent':
      return end.sent ? began(SILENT) : notStarted(UNREACHABLE);
    case 'deadline':
      return end.sent ? began(LATE) : notStarted(LATE);
    case 'cancelled':
      // Not to be tried elsewhere, started or not: nobody wants it any more.
      return began(CANCELLED);
    case 'result':
      return end.reason === 'TOO_LARGE'
        ? began(UNSEEN)
        : failure(request.id, FAULT, { outcome: end.outcome === 'unknown' ? 'unknown' : 'failed' });
    case 'unsent':
      if (end.because === 'no-delegation') return unspokenFor(request, agentId);
      if (end.because === 'closed') return notStarted(UNREACHABLE);
      return notStarted(end.because === 'busy' ? BUSY : TOO_LARGE);
    case 'refused':
      return refusal(request, end.because);
  }
}

function refusal(request: RpcRequest, because: Extract<CallEnd, { kind: 'refused' }>['because']): BackendReply {
  const notStarted = (said: Said) => failure(request.id, said, { notStarted: true });
  switch (because) {
    case 'busy':
      return notStarted(BUSY);
    case 'draining':
      return notStarted(UNREACHABLE);
    case 'too-large':
      return notStarted(TOO_LARGE);
    case 'deadline-passed':
      return notStarted(LATE);
    case 'unknown-delegation':
    case 'delegation-expired':
    case 'delegation-refused':
      return denied(request);
    case 'malformed':
    case 'replayed':
    case 'hash-mismatch':
      return notStarted(MISMATCH);
  }
}

/** What becomes of a call whose token ended on the way: at home, between its delegation and it, or before that was looked at. */
const OF_TOKENS: readonly string[] = [
  'no-delegation',
  'delegation-expired',
  'unknown-delegation',
  'delegation-refused',
];

function turnsOnToken(end: CallEnd): boolean {
  return (end.kind === 'unsent' || end.kind === 'refused') && OF_TOKENS.includes(end.because);
}

/** It was good when the call came, and would be refused now: the agent wants a new one, not another permission. */
function tokenOver(request: RpcRequest): BackendReply {
  const said: Said = { name: 'UNAUTHENTICATED', message: 'the token ended before the call could begin' };
  return failure(request.id, said, { outcome: 'denied', notStarted: true, hint: 'ask again with a new token' });
}

function denied(request: RpcRequest): BackendReply {
  return failure(request.id, NOT_DELEGATED, { outcome: 'denied', notStarted: true, hint: REFUSED_THERE });
}

/** Nothing was asked of the other node: this one has no word of the agent's to show there. */
function unspokenFor(request: RpcRequest, agentId: string): BackendReply {
  const message = `this node cannot speak for ${agentId} on other nodes: it has neither its key nor its word`;
  const hint = `import its key (\`village agents key import FILE\`), or let ${agentId} ask the token endpoint with an assertion that names this node`;
  return failure(request.id, { name: 'PERMISSION_DENIED', message }, { outcome: 'denied', notStarted: true, hint });
}
