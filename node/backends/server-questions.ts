import { type ClientAnswer, ERRORS, type ErrorName, NO_ABILITIES, type RpcId, unaskable } from '../../src/mcp/index.ts';
import type { Exchange } from './exchange.ts';
import type { Owner } from './owner.ts';

const MAX_OPEN = 64;
const MAX_ELICITATIONS = 256;

type Params = Readonly<Record<string, unknown>>;

/** A request of a server to its client. */
export interface ServerRequest {
  readonly id: RpcId;
  readonly method: string;
  readonly params: Params | undefined;
}

/** What one server asks of its client: put to the agent's client whose call it belongs to, and to nobody else. */
export class ServerQuestions {
  readonly #open = new Map<RpcId, AbortController>();
  /** Elicitations by URL whose end the server may tell of. */
  readonly #elicitations = new Map<unknown, Exchange>();

  /** Never rejects. */
  async answer(request: ServerRequest, owner: Owner): Promise<ClientAnswer> {
    if (owner.kind === 'several')
      return no('INTERNAL_ERROR', 'it cannot be told whose call this belongs to; call again in a moment');
    // A server may ask for roots at any time, and an empty list is the truth: this node's own client has none.
    if (owner.kind === 'none') return request.method === 'roots/list' ? NO_ROOTS : UNRELATED;
    if (this.#open.size >= MAX_OPEN || this.#open.has(request.id)) return no('RATE_LIMITED', 'too many open requests');
    return this.#ask(request, owner.exchange);
  }

  /** The server no longer wants the answer. */
  withdrawn(requestId: unknown): void {
    this.#open.get(requestId as RpcId)?.abort('withdrawn');
  }

  /** The call in which the server asked for the elicitation that has now ended. */
  elicitedBy(params: Params | undefined): Exchange | undefined {
    return this.#elicitations.get(params?.['elicitationId']);
  }

  async #ask({ id, method, params }: ServerRequest, exchange: Exchange): Promise<ClientAnswer> {
    const { agent } = exchange;
    const question = params === undefined ? { method } : { method, params };
    const error = unaskable(question, agent?.client ?? NO_ABILITIES);
    if (error !== undefined) {
      agent?.onUnaskable?.(question);
      return { error };
    }
    if (agent?.ask === undefined) return no('METHOD_NOT_FOUND', 'this agent’s client cannot be asked');
    // Only with a session is there a word for its end.
    if (method === 'elicitation/create' && agent.era === 'session') this.#elicited(params?.['elicitationId'], exchange);
    const over = new AbortController();
    this.#open.set(id, over);
    void exchange.ended.then(() => over.abort('the call ended'));
    try {
      return await agent.ask(question, { signal: over.signal });
    } finally {
      this.#open.delete(id);
    }
  }

  #elicited(elicitationId: unknown, exchange: Exchange): void {
    if (typeof elicitationId !== 'string' || this.#elicitations.size >= MAX_ELICITATIONS) return;
    this.#elicitations.set(elicitationId, exchange);
    void exchange.ended.then(() => this.#elicitations.delete(elicitationId));
  }
}

const NO_ROOTS: ClientAnswer = { result: { roots: [] } };

function no(name: ErrorName, message: string): ClientAnswer {
  return { error: { code: ERRORS[name].code, message } };
}
const UNRELATED = no('INVALID_REQUEST', 'no call is in flight that this could belong to');
