import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply } from './backend.ts';
import { busy, call } from './call.ts';
import type { Connection } from './connection.ts';
import { failure, success } from './reply.ts';
import { ResourceFeed } from './resource-feed.ts';
import { SUBSCRIBE } from './subscription-methods.ts';

/** What one server process may be asked to watch. */
const MAX_RESOURCES = 2_048;
const RESTORE_MS = 10_000;

/** Runs `perform` on the connection when there is one and it is this request's turn. */
type Gate = (perform: (connection: Connection) => Promise<BackendReply>) => Promise<BackendReply>;

interface Asked {
  readonly request: RpcRequest;
  readonly context: BackendContext;
  readonly deadlineAt: number;
}

/**
 * The resources of one server that somebody subscribed to: each is subscribed to once, however many ask for it, and again
 * whenever the server has a new life or session. In the stateless era they are the filter of one `subscriptions/listen`.
 */
export class ResourceSubscriptions {
  readonly #held = new Map<string, number>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #onUpdated: (uri: string) => void;
  #feed: { readonly of: Connection; readonly feed: ResourceFeed } | undefined;

  /** `onUpdated` hears of each resource that changed, or may have changed unheard. */
  constructor(onUpdated: (uri: string) => void) {
    this.#onUpdated = onUpdated;
  }

  get empty(): boolean {
    return this.#held.size === 0;
  }

  /** Does a resources/subscribe or resources/unsubscribe. Those about one URI are done one after the other. Never rejects. */
  handle(asked: Asked, gate: Gate): Promise<BackendReply> {
    const { request } = asked;
    const uri = request.params?.['uri'];
    if (typeof uri !== 'string' || uri === '') {
      const problem = { name: 'INVALID_PARAMS', message: `${request.method} needs params.uri, a string` } as const;
      return Promise.resolve(failure(request.id, problem));
    }
    const subscribing = request.method === SUBSCRIBE;
    return this.#inTurn(uri, () => (subscribing ? this.#add(uri, asked, gate) : this.#remove(uri, asked, gate)));
  }

  /** `connection` serves from here on, and knows of no subscription: all are made anew. Never rejects. */
  async restore(connection: Connection): Promise<void> {
    const uris = [...this.#held.keys()];
    if (uris.length === 0) return;
    const deadlineAt = performance.now() + RESTORE_MS;
    if (connection.terms?.era === 'stateless') await this.#feedOf(connection).set(uris, { deadlineAt });
    else await Promise.all(uris.map((uri) => connection.ask(SUBSCRIBE, { uri }, { deadlineAt })));
    // Changes in between went unheard, and whoever reads a resource that is gone is told so.
    for (const uri of uris) this.#onUpdated(uri);
  }

  async #add(uri: string, asked: Asked, gate: Gate): Promise<BackendReply> {
    const held = this.#held.get(uri) ?? 0;
    if (held > 0) {
      this.#held.set(uri, held + 1);
      return done(asked);
    }
    if (this.#held.size >= MAX_RESOURCES) return busy(asked.request.id);
    const reply = await gate((connection) =>
      connection.terms?.era === 'stateless' ? this.#listen(uri, asked, connection) : forward(asked, connection),
    );
    if (reply.outcome === 'ok') this.#held.set(uri, 1);
    return reply;
  }

  async #remove(uri: string, asked: Asked, gate: Gate): Promise<BackendReply> {
    const held = this.#held.get(uri) ?? 0;
    if (held > 1) this.#held.set(uri, held - 1);
    else this.#held.delete(uri);
    if (held !== 1) return done(asked);
    return gate(async (connection) => {
      if (connection.terms?.era !== 'stateless') return forward(asked, connection);
      await this.#feedOf(connection).set([...this.#held.keys()], asked);
      return done(asked);
    });
  }

  async #listen(uri: string, asked: Asked, connection: Connection): Promise<BackendReply> {
    const { request, deadlineAt } = asked;
    const heard = await this.#feedOf(connection).set([...this.#held.keys(), uri], { deadlineAt });
    if (heard.kind === 'unheard') {
      const message = `the server cannot be listened to: ${heard.problem}`;
      return failure(request.id, { name: 'NO_HEALTHY_SERVER', message }, { notStarted: true });
    }
    if (heard.uris.has(uri)) return done(asked);
    await this.#feedOf(connection).set([...this.#held.keys()], { deadlineAt });
    const message = 'the server does not tell of changes to this resource';
    return failure(request.id, { name: 'METHOD_NOT_FOUND', message });
  }

  #feedOf(connection: Connection): ResourceFeed {
    if (this.#feed?.of !== connection) {
      this.#feed = { of: connection, feed: new ResourceFeed(connection, this.#onUpdated) };
    }
    return this.#feed.feed;
  }

  #inTurn<T>(uri: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(uri);
    const turn = before === undefined ? act() : before.then(act, act);
    this.#turns.set(uri, turn);
    const leave = (): void => {
      if (this.#turns.get(uri) === turn) this.#turns.delete(uri);
    };
    void turn.then(leave, leave);
    return turn;
  }
}

function forward({ request, context, deadlineAt }: Asked, connection: Connection): Promise<BackendReply> {
  return call(connection, request, { context, deadlineAt, ttlMs: 0 });
}

function done({ request, context }: Asked): BackendReply {
  return success(request.id, context.era === 'stateless' ? { resultType: 'complete' } : {});
}
