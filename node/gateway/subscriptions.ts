import type { ServerResponse } from 'node:http';
import { isObject, META, notificationText, type RpcId, resultText } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Change } from './session.ts';
import { SseStream } from './sse-stream.ts';

export const MAX_SUBSCRIPTIONS = 1024;
const FILTERS: Readonly<Record<Change, string>> = {
  tools: 'toolsListChanged',
  resources: 'resourcesListChanged',
  prompts: 'promptsListChanged',
};

interface Subscription {
  readonly id: RpcId;
  readonly stream: SseStream;
  readonly honored: Readonly<Record<string, unknown>>;
  readonly validUntilMs: number;
}

/** The kinds of change that `wanted` asks for and `capabilities` can deliver; undefined when `wanted` is no filter. */
export function honoredFilter(
  wanted: unknown,
  capabilities: Readonly<Record<string, unknown>>,
): Readonly<Record<string, true>> | undefined {
  if (!isObject(wanted)) return undefined;
  const { resourceSubscriptions } = wanted;
  if (resourceSubscriptions !== undefined && !Array.isArray(resourceSubscriptions)) return undefined;
  const honored: Record<string, true> = {};
  for (const [kind, filter] of Object.entries(FILTERS)) {
    const asked = wanted[filter];
    if (asked !== undefined && typeof asked !== 'boolean') return undefined;
    const capability = capabilities[kind];
    if (asked === true && isObject(capability) && capability['listChanged'] === true) honored[filter] = true;
  }
  return honored;
}

/** The open `subscriptions/listen` streams of the stateless era. */
export class Subscriptions {
  readonly #serverInfo: object;
  readonly #open = new Set<Subscription>();

  constructor(serverInfo: object) {
    this.#serverInfo = serverInfo;
  }

  get full(): boolean {
    return this.#open.size >= MAX_SUBSCRIPTIONS;
  }

  /** Acknowledges what is honoured, then sends those changes until client or server ends it. Nothing honoured: ends at once. */
  open(
    res: ServerResponse,
    options: { id: RpcId; principal: Principal; honored: Readonly<Record<string, true>> },
  ): void {
    const { id, honored } = options;
    const stream = new SseStream(res, () => this.#open.delete(subscription));
    const subscription: Subscription = { id, stream, honored, validUntilMs: options.principal.expiresAtMs };
    const params = { notifications: honored, _meta: { [META.subscriptionId]: id } };
    stream.send(notificationText('notifications/subscriptions/acknowledged', params));
    if (Object.keys(honored).length === 0) this.#finish(subscription);
    else this.#open.add(subscription);
  }

  notify(change: Change): void {
    for (const { id, stream, honored } of this.#open) {
      if (honored[FILTERS[change]] !== true) continue;
      stream.send(notificationText(`notifications/${change}/list_changed`, { _meta: { [META.subscriptionId]: id } }));
    }
  }

  tick(nowMs: number): void {
    for (const subscription of this.#open) {
      if (nowMs >= subscription.validUntilMs) this.#finish(subscription);
      else subscription.stream.keepAlive();
    }
  }

  closeAll(): void {
    for (const subscription of this.#open) this.#finish(subscription);
  }

  #finish(subscription: Subscription): void {
    const { id, stream } = subscription;
    const _meta = { [META.subscriptionId]: id, [META.serverInfo]: this.#serverInfo };
    stream.send(resultText(id, { resultType: 'complete', _meta }));
    stream.end();
    this.#open.delete(subscription);
  }
}
