import { isObject } from '../../src/mcp/index.ts';

/** A `subscriptions/listen` that a bridge keeps up for its client while nodes come and go: acknowledged once, and without an end. */
export class Resubscription {
  #kept = false;

  /** Something is honoured: when the stream ends, it is the node that went, and the bridge asks again. */
  get kept(): boolean {
    return this.#kept;
  }

  /** Whether the client has heard this before. */
  repeats(message: Readonly<Record<string, unknown>>): boolean {
    if (message['method'] !== 'notifications/subscriptions/acknowledged') return false;
    const params = message['params'];
    const honored = isObject(params) ? params['notifications'] : undefined;
    const again = this.#kept;
    this.#kept ||= isObject(honored) && Object.keys(honored).length > 0;
    return again;
  }
}
