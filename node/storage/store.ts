/** One change of a batch. Keys are UTF-8 strings, ordered by their bytes. */
export type StoreChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export interface WriteOptions {
  /** The promise resolves after fsync: what is promised on its strength survives a crash of the machine. */
  readonly sync?: boolean | undefined;
}

export interface StoreRange {
  readonly gt?: string | undefined;
  readonly gte?: string | undefined;
  readonly lt?: string | undefined;
  readonly lte?: string | undefined;
  readonly reverse?: boolean | undefined;
  /** At most so many entries; all by default. */
  readonly limit?: number | undefined;
}

/** An ordered map on disk. Every write is atomic, survives the death of the process, and with `sync` that of the machine. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array, options?: WriteOptions): Promise<void>;
  del(key: string, options?: WriteOptions): Promise<void>;
  /** All of the changes or none. */
  batch(changes: readonly StoreChange[], options?: WriteOptions): Promise<void>;
  /** In key order, as they were when the iteration began. */
  entries(range?: StoreRange): AsyncIterable<readonly [key: string, value: Uint8Array]>;
}

/** Many stores in one database, each with its own keys. */
export interface Database {
  namespace(name: string): Store;
  close(): Promise<void>;
}
