import { LevelDatastore } from 'datastore-level';
import type { Datastore } from 'interface-datastore';
import { Level } from 'level';
import { HeldBack } from './held-back.ts';
import { StorageError } from './storage-error.ts';
import type { Database, Store, StoreChange, StoreRange, WriteOptions } from './store.ts';

type Sublevel = ReturnType<typeof sublevelOf>;

/** A namespace of one LevelDB database. Errors: STORE_FAILED, with the cause. */
export class LevelStore implements Store {
  readonly #level: Sublevel;

  constructor(level: Sublevel) {
    this.#level = level;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return guarded(this.#level.get(key));
  }

  async put(key: string, value: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await guarded(this.#level.batch([{ type: 'put', key, value }], durability(options)));
  }

  async del(key: string, options: WriteOptions = {}): Promise<void> {
    await guarded(this.#level.batch([{ type: 'del', key }], durability(options)));
  }

  async batch(changes: readonly StoreChange[], options: WriteOptions = {}): Promise<void> {
    await guarded(this.#level.batch([...changes], durability(options)));
  }

  async *entries(range: StoreRange = {}): AsyncIterable<readonly [string, Uint8Array]> {
    const { reverse, limit, ...bounds } = range;
    const given = Object.fromEntries(Object.entries(bounds).filter(([, bound]) => bound !== undefined));
    const iterator = this.#level.iterator({ ...given, reverse: reverse === true, limit: limit ?? -1 });
    try {
      for (;;) {
        const entry = await guarded(iterator.next());
        if (entry === undefined) return;
        yield entry;
      }
    } finally {
      await iterator.close();
    }
  }
}

/** One LevelDB database in a folder, held by one process at a time (LevelDB's own lock, which dies with the process). */
export class LevelDatabase implements Database {
  readonly #level: Level<string, Uint8Array>;
  readonly #held: HeldBack[] = [];

  private constructor(level: Level<string, Uint8Array>) {
    this.#level = level;
  }

  /** Errors: DATA_IN_USE, DATA_UNUSABLE. */
  static async open(folder: string): Promise<LevelDatabase> {
    const level = new Level<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
    try {
      await level.open();
    } catch (error) {
      if (codeOf(causeOf(error)) === 'LEVEL_LOCKED') {
        throw new StorageError('DATA_IN_USE', `another process is using ${folder}`, { cause: error });
      }
      throw new StorageError('DATA_UNUSABLE', `cannot open the store in ${folder}`, { cause: error });
    }
    return new LevelDatabase(level);
  }

  namespace(name: string): LevelStore {
    return new LevelStore(sublevelOf(this.#level, name));
  }

  /** The same database in the shape that libp2p keeps its peers and provider records in. */
  datastore(name: string): Datastore {
    const held = new HeldBack(sublevelOf(this.#level, name));
    this.#held.push(held);
    // It has every method that LevelDatastore calls; only the declared type asks for the whole database.
    return new LevelDatastore(held as unknown as Level<string, Uint8Array>);
  }

  async close(): Promise<void> {
    try {
      for (const held of this.#held) await guarded(held.close());
    } finally {
      await this.#level.close();
    }
  }
}

function sublevelOf(level: Level<string, Uint8Array>, name: string) {
  return level.sublevel<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' });
}

// `sync` is classic-level's own option: abstract-level's types do not know it, a sublevel passes it on.
function durability(options: WriteOptions): object {
  return { sync: options.sync === true };
}

async function guarded<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    throw new StorageError('STORE_FAILED', 'the store refused an operation', { cause: error });
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
