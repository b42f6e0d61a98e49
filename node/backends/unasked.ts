import { utf8 } from '../../src/kernel/index.ts';
import { type ClientAnswer, isLogLevel, isWanted, type LogLevel } from '../../src/mcp/index.ts';
import type { Exchange } from './exchange.ts';
import { Lingering } from './lingering.ts';
import { type Owner, ownerOf, type Said, taskOf } from './owner.ts';
import { subscriptionOf } from './resource-feed.ts';
import { ServerLogLevel } from './server-log-level.ts';
import { ServerQuestions, type ServerRequest } from './server-questions.ts';

const MAX_URI = 8_192;
// A server that asks for roots so soon after the handshake may do so because of it, whatever call is in flight by then.
const SETTLING_MS = 2_000;

type Params = Readonly<Record<string, unknown>>;

export interface UnaskedEvents {
  /** What the server lists has changed. */
  listChanged(): void;
  /** A resource that is subscribed to has changed. */
  resourceUpdated(uri: string): void;
  /** A log line of the server that belongs to no call. */
  log(params: Params): void;
  /** Within an agent's call, the server asked its client something and did not say in which: only of one call at a time can it be told. */
  askedUnmarked(): void;
}

/** What one server says of its own accord, notifications and requests: each goes to the call it belongs to, or to none. */
export class Unasked {
  readonly #exchanges: ReadonlyMap<number, Exchange>;
  readonly #events: UnaskedEvents;
  readonly #oneAgent: boolean;
  readonly #questions = new ServerQuestions();
  readonly #lingering = new Lingering();
  readonly #logLevel = new ServerLogLevel();
  #agreedAt = Number.NEGATIVE_INFINITY;

  constructor(
    exchanges: ReadonlyMap<number, Exchange>,
    options: { readonly events: UnaskedEvents; readonly oneAgent: boolean },
  ) {
    this.#exchanges = exchanges;
    this.#events = options.events;
    this.#oneAgent = options.oneAgent;
  }

  /** A session has begun, in which nothing was said before. */
  agreed(): void {
    this.#agreedAt = performance.now();
    this.#logLevel.forget();
  }

  /** The caller of `exchange` no longer waits, which the server may never heed. */
  givenUp({ agent, written, message }: Exchange): void {
    if (agent !== undefined && written) this.#lingering.add(message.id, agent.principal.agentId, performance.now());
  }

  /** Request `id` was answered though nobody waits for it. */
  answeredLate(id: number): void {
    this.#lingering.answered(id);
  }

  /** An agent wants to hear from `level` up: what to tell the server, where that changes something. */
  wantLog(level: LogLevel): LogLevel | undefined {
    return this.#logLevel.want(level, performance.now());
  }

  notified(method: string, { params, about }: Said): void {
    switch (method) {
      case 'notifications/progress': {
        const token = params?.['progressToken'];
        const exchange = typeof token === 'number' ? this.#exchanges.get(token) : undefined;
        if (exchange?.progressToken === undefined) return;
        return relate(exchange, method, { ...params, progressToken: exchange.progressToken });
      }
      case 'notifications/message':
        return this.#logged(params, this.#ownerOf({ params, about }));
      case 'notifications/cancelled':
        return this.#questions.withdrawn(params?.['requestId']);
      case 'notifications/elicitation/complete':
        return relate(this.#questions.elicitedBy(params), method, params);
      case 'notifications/resources/updated': {
        const uri = params?.['uri'];
        if (typeof uri === 'string' && uri.length <= MAX_URI) this.#events.resourceUpdated(uri);
        return;
      }
      case 'notifications/subscriptions/acknowledged': {
        const id = about ?? subscriptionOf(params);
        return relate(typeof id === 'number' ? this.#exchanges.get(id) : undefined, method, params);
      }
      case 'notifications/tools/list_changed':
      case 'notifications/prompts/list_changed':
      case 'notifications/resources/list_changed':
        this.#events.listChanged();
    }
  }

  /** Answers a request of the server. Never rejects. */
  asked(request: ServerRequest, about: number | undefined): Promise<ClientAnswer> {
    if (request.method === 'ping') return Promise.resolve({ result: {} });
    return this.#questions.answer(request, this.#ownerOfQuestion(request, about));
  }

  #ownerOfQuestion({ method, params }: ServerRequest, about: number | undefined): Owner {
    const unmarked = about === undefined && taskOf(params) === undefined;
    const settling = method === 'roots/list' && performance.now() - this.#agreedAt < SETTLING_MS;
    const owner = this.#ownerOf({ params, about });
    // An empty list would be a lie to the caller whose call it belongs to, and the caller's roots no business of a server that is everybody's.
    if (unmarked && settling && !this.#oneAgent) return owner.kind === 'none' ? owner : { kind: 'several' };
    if (unmarked && owner.kind !== 'none') this.#events.askedUnmarked();
    return owner;
  }

  #ownerOf(said: Said): Owner {
    const lingering = this.#lingering.agents(performance.now());
    return ownerOf(said, { exchanges: this.#exchanges, lingering, oneAgent: this.#oneAgent });
  }

  #logged(params: Params | undefined, owner: Owner): void {
    if (params === undefined) return;
    const agent = owner.kind === 'one' ? owner.exchange.agent : undefined;
    // An agent with a session that asked for no level hears what the server thinks fit, not what others made it say.
    const unset = this.#logLevel.current === undefined ? 'debug' : 'info';
    const wanted = agent?.logLevel ?? (agent?.era === 'session' ? unset : undefined);
    if (owner.kind !== 'one' || wanted === undefined) return this.#events.log(params);
    const { level } = params;
    if (!isLogLevel(level) || isWanted(level, wanted)) relate(owner.exchange, 'notifications/message', params);
  }
}

function relate(exchange: Exchange | undefined, method: string, params: Params | undefined): void {
  exchange?.onRelated?.(utf8(JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) })));
}
