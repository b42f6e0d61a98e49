import { LevelDatastore } from 'datastore-level';
import type { Datastore } from 'interface-datastore';
import type { Level } from 'level';
import { HeldBack, type Values } from './held-back.ts';
import { LevelWriter, type Sublevel } from './level-writer.ts';
import { StorageError } from './storage-error.ts';
import type { Database, Store, StoreChange, StoreRange, WriteOptions } from './store.ts';

/** A namespace of one LevelDB database. Errors: STORE_FAILED, with the cause; STORE_STUCK. */
export class LevelStore implements Store {
  readonly #writer: LevelWriter;
  readonly #level: Sublevel;

  constructor(writer: LevelWriter, name: string) {
    this.#writer = writer;
    this.#level = writer.sublevel(name);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await guarded(this.#writer.readable());
    return guarded(this.#level.get(key));
  }

  async put(key: string, value: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.batch([{ type: 'put', key, value }], options);
  }

  async del(key: string, options: WriteOptions = {}): Promise<void> {
    await this.batch([{ type: 'del', key }], options);
  }

  async batch(changes: readonly StoreChange[], { sync = false }: WriteOptions = {}): Promise<void> {
    await guarded(this.#writer.write(this.#level, changes, { sync }));
  }

  async *entries(range: StoreRange = {}): AsyncIterable<readonly [string, Uint8Array]> {
    const { reverse, limit, ...bounds } = range;
    await guarded(this.#writer.readable());
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
  readonly #writer: LevelWriter;
  readonly #held: HeldBack[] = [];

  private constructor(writer: LevelWriter) {
    this.#writer = writer;
  }

  /** Errors: DATA_IN_USE, DATA_UNUSABLE. */
  static async open(folder: string): Promise<LevelDatabase> {
    try {
      return new LevelDatabase(await LevelWriter.open(folder));
    } catch (error) {
      if (codeOf(causeOf(error)) === 'LEVEL_LOCKED') {
        throw new StorageError('DATA_IN_USE', `another process is using ${folder}`, { cause: error });
      }
      throw new StorageError('DATA_UNUSABLE', `cannot open the store in ${folder}`, {
        cause: error,
        hint: 'look at the free space and the modes of the data folder (`village doctor`)',
      });
    }
  }

  namespace(name: string): LevelStore {
    return new LevelStore(this.#writer, name);
  }

  /** The same database in the shape that libp2p keeps its peers and provider records in. */
  datastore(name: string): Datastore {
    const held = new HeldBack(valuesOf(this.#writer, name));
    this.#held.push(held);
    // It has every method that LevelDatastore calls; only the declared type asks for the whole database.
    return new LevelDatastore(held as unknown as Level<string, Uint8Array>);
  }

  async close(): Promise<void> {
    try {
      for (const held of this.#held) await guarded(held.close());
    } finally {
      await this.#writer.close();
    }
  }
}

function valuesOf(writer: LevelWriter, name: string): Values {
  const level = writer.sublevel(name);
  const write = (changes: Parameters<Values['batch']>[0]) => writer.write(level, changes, { sync: false });
  return {
    get: async (key) => {
      await writer.readable();
      return level.get(key);
    },
    put: (key, value) => write([{ type: 'put', key, value }]),
    del: (key) => write([{ type: 'del', key }]),
    batch: write,
    iterator: (options) => level.iterator(options),
  };
}

async function guarded<Value>(work: Promise<Value> | undefined): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const code = codeOf(error);
    const why = typeof code === 'string' ? ` (${code})` : '';
    throw new StorageError('STORE_FAILED', `the store refused an operation${why}`, { cause: error });
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
