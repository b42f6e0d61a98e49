import { isObject, META, notificationText, type RpcId, resultText } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { HttpResponse } from './http-response.ts';
import { MAX_SUBSCRIBED, ResourceInterest } from './resource-interest.ts';
import type { RouterPort } from './router-port.ts';
import type { Change } from './session.ts';
import { SseStream } from './sse-stream.ts';

const MAX_SUBSCRIPTIONS = 1024;
/** One agent leaves room for others. */
const MAX_OF_AGENT = MAX_SUBSCRIPTIONS / 2;
const CHANGES = ['tools', 'resources', 'prompts'] as const;
const FILTERS: Readonly<Record<Change, string>> = {
  tools: 'toolsListChanged',
  resources: 'resourcesListChanged',
  prompts: 'promptsListChanged',
};

interface Subscription {
  readonly id: RpcId;
  readonly stream: SseStream;
  readonly changes: ReadonlySet<Change>;
  readonly resources: ResourceInterest;
  readonly principal: Principal;
}

/** One whose resources are still being subscribed to. */
interface Opening {
  readonly principal: Principal;
  revoked: boolean;
}

/** What a client wants to hear of. */
export interface Filter {
  readonly changes: ReadonlySet<Change>;
  readonly uris: readonly string[];
}

/** Reads `params.notifications`, without what `capabilities` cannot deliver; undefined when it is no filter. */
export function readFilter(wanted: unknown, capabilities: Readonly<Record<string, unknown>>): Filter | undefined {
  if (!isObject(wanted)) return undefined;
  const uris = wanted['resourceSubscriptions'] ?? [];
  if (!Array.isArray(uris) || uris.length > MAX_SUBSCRIBED) return undefined;
  if (!uris.every((uri) => typeof uri === 'string')) return undefined;
  const changes = new Set<Change>();
  for (const kind of CHANGES) {
    const asked = wanted[FILTERS[kind]];
    if (asked !== undefined && typeof asked !== 'boolean') return undefined;
    const capability = capabilities[kind];
    if (asked === true && isObject(capability) && capability['listChanged'] === true) changes.add(kind);
  }
  return { changes, uris: [...new Set(uris)] };
}

/** The open `subscriptions/listen` streams of the stateless era. */
export class Subscriptions {
  readonly #serverInfo: object;
  readonly #open = new Set<Subscription>();
  readonly #opening = new Set<Opening>();
  #closed = false;

  constructor(serverInfo: object) {
    this.#serverInfo = serverInfo;
  }

  get size(): number {
    return this.#open.size + this.#opening.size;
  }

  /** Whether there is no room for one more of this agent. */
  full(agentId: string): boolean {
    if (this.size >= MAX_SUBSCRIPTIONS) return true;
    const own = [...this.#open, ...this.#opening].filter(({ principal }) => principal.agentId === agentId);
    return own.length >= MAX_OF_AGENT;
  }

  /**
   * Subscribes to the resources, acknowledges what is honoured, then sends those changes until client or server ends it. Nothing
   * honoured: ends at once. Never rejects.
   */
  async open(
    router: RouterPort,
    res: HttpResponse,
    asked: { filter: Filter; call: Omit<Parameters<RouterPort['subscribe']>[0], 'era' | 'signal'> },
  ): Promise<void> {
    const { filter, call } = asked;
    const { id } = call.request;
    const early = new Set<string>();
    let tell = (uri: string): void => void early.add(uri);
    const resources = new ResourceInterest((uri) => tell(uri));
    const gone = new AbortController();
    res.once('close', () => {
      gone.abort();
      resources.close();
    });
    const opening: Opening = { principal: call.principal, revoked: false };
    this.#opening.add(opening);
    await Promise.all(
      filter.uris.map((uri) => {
        const { _meta } = call.request.params ?? {};
        const request = { ...call.request, method: 'resources/subscribe', params: { uri, _meta } };
        return resources.add(router, { ...call, request, era: 'stateless', signal: gone.signal });
      }),
    ).catch(() => undefined); // what could not be subscribed to is not acknowledged
    this.#opening.delete(opening);
    if (res.destroyed) return resources.close();
    const stream = new SseStream(res, () => this.#open.delete(subscription));
    const { changes } = filter;
    const subscription: Subscription = { id, stream, changes, resources, principal: call.principal };
    const { uris } = resources;
    const honored = {
      ...Object.fromEntries([...changes].map((change) => [FILTERS[change], true])),
      ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
    };
    send(subscription, 'subscriptions/acknowledged', { notifications: honored });
    const over = this.#closed || opening.revoked || Object.keys(honored).length === 0;
    if (over) return this.#finish(subscription);
    this.#open.add(subscription);
    tell = (uri) => send(subscription, 'resources/updated', { uri });
    for (const uri of early) tell(uri);
  }

  notify(change: Change): void {
    for (const subscription of this.#open) {
      if (subscription.changes.has(change)) send(subscription, `${change}/list_changed`);
    }
  }

  tick(wallMs: number): void {
    for (const subscription of this.#open) {
      if (wallMs >= subscription.principal.expiresAtMs) this.#finish(subscription);
      else subscription.stream.keepAlive();
    }
  }

  /** Ends those of principals whose token or agent was revoked. */
  forget(gone: (principal: Principal) => boolean): void {
    for (const subscription of this.#open) if (gone(subscription.principal)) this.#finish(subscription);
    for (const opening of this.#opening) opening.revoked ||= gone(opening.principal);
  }

  closeAll(): void {
    this.#closed = true;
    for (const subscription of this.#open) this.#finish(subscription);
  }

  #finish(subscription: Subscription): void {
    const { id, stream } = subscription;
    const _meta = { [META.subscriptionId]: id, [META.serverInfo]: this.#serverInfo };
    stream.send(resultText(id, { resultType: 'complete', _meta }));
    stream.end();
    subscription.resources.close();
    this.#open.delete(subscription);
  }
}

/** Every message of a subscription says which one it belongs to. */
function send({ id, stream }: Subscription, what: string, params: object = {}): void {
  stream.send(notificationText(`notifications/${what}`, { ...params, _meta: { [META.subscriptionId]: id } }));
}
