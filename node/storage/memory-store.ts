import type { Database, Store, StoreChange, StoreRange } from './store.ts';

/** A store that forgets: for tests and for nodes that live inside one. */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, Uint8Array>();

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#entries.get(key)?.slice();
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.#entries.set(key, Uint8Array.from(value));
  }

  async del(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async batch(changes: readonly StoreChange[]): Promise<void> {
    for (const change of changes) {
      if (change.type === 'put') this.#entries.set(change.key, Uint8Array.from(change.value));
      else this.#entries.delete(change.key);
    }
  }

  async *entries(range: StoreRange = {}): AsyncIterable<readonly [string, Uint8Array]> {
    const keys = [...this.#entries.keys()].filter((key) => within(key, range)).sort(byBytes);
    if (range.reverse === true) keys.reverse();
    const snapshot = keys.slice(0, range.limit).map((key) => [key, this.#entries.get(key) as Uint8Array] as const);
    for (const [key, value] of snapshot) yield [key, value.slice()];
  }
}

export class MemoryDatabase implements Database {
  readonly #stores = new Map<string, MemoryStore>();

  namespace(name: string): Store {
    let store = this.#stores.get(name);
    if (store === undefined) {
      store = new MemoryStore();
      this.#stores.set(name, store);
    }
    return store;
  }

  async close(): Promise<void> {}
}

function within(key: string, { gt, gte, lt, lte }: StoreRange): boolean {
  return (
    (gt === undefined || byBytes(key, gt) > 0) &&
    (gte === undefined || byBytes(key, gte) >= 0) &&
    (lt === undefined || byBytes(key, lt) < 0) &&
    (lte === undefined || byBytes(key, lte) <= 0)
  );
}

// Level compares UTF-8 bytes; JavaScript's own order (UTF-16) differs beyond the basic plane.
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
