import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { StorageError } from './storage-error.ts';
import type { StoreChange } from './store.ts';

export type Sublevel = ReturnType<typeof sublevelOf>;

interface Waiting {
  readonly sublevel: Sublevel;
  readonly changes: readonly StoreChange[];
  readonly sync: boolean;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What goes to the disk as one write. */
const GROUP_BYTES = 1024 * 1024;
/** What waits behind a disk that hangs; more is refused. */
const WAITING_BYTES = 64 * 1024 * 1024;
/** What a change takes in memory beside its key and value. */
const CHANGE_BYTES = 512;
/** How long after a try that failed the next one may be made. */
const RETRY_MS = 100;
/** How long closing the database, or opening it anew, may take: a disk that hangs answers neither. */
const OPEN_MS = 10_000;
const HINT =
  'look at the disk of the data folder; the node takes up its work by itself when the disk answers, or start it again';
/** What LevelDB writes beside what its log holds when it is opened. */
const MARGIN_BYTES = 64 * 1024;

export interface LevelWriterOptions {
  /** Default 10 s. */
  readonly openMs?: number | undefined;
}

/**
 * A LevelDB database with one write on its way at a time. After a write that failed, LevelDB goes on behind whatever part of it came to
 * its log, says that later writes are on disk, and finds none of them when it is opened again; after some failures it refuses all
 * that follow. So nothing is written after one that failed until the database was opened anew, which happens as soon as the disk
 * takes what that needs; who waits for it for longer than `openMs` is refused. A refused write may be there afterwards.
 */
export class LevelWriter {
  readonly #folder: string;
  readonly #openMs: number;
  readonly #level: Level<string, Uint8Array>;
  readonly #sublevels = new Map<string, Sublevel>();
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  /** Why it must be opened anew. */
  #damage: unknown;
  #triedAt = Number.NEGATIVE_INFINITY;
  /** One try at a time, for who writes and who reads: a second would close what the first had opened. */
  #mending: Promise<void> | undefined;
  /** The part of it in which nothing can be read. */
  #reopening: Promise<void> | undefined;
  #isClosed = false;

  private constructor(folder: string, level: Level<string, Uint8Array>, openMs: number) {
    this.#folder = folder;
    this.#level = level;
    this.#openMs = openMs;
  }

  /** Rejects with what LevelDB says. */
  static async open(folder: string, { openMs = OPEN_MS }: LevelWriterOptions = {}): Promise<LevelWriter> {
    const level = new Level<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
    await level.open();
    return new LevelWriter(folder, level, openMs);
  }

  sublevel(name: string): Sublevel {
    const known = this.#sublevels.get(name) ?? sublevelOf(this.#level, name);
    this.#sublevels.set(name, known);
    return known;
  }

  /** What to wait for before reading; mostly nothing. Rejects when the database could not be opened anew. */
  readable(): Promise<void> | undefined {
    if (this.#reopening !== undefined) return this.#reopening;
    return this.#level.status === 'open' || this.#isClosed ? undefined : this.#reopened();
  }

  /** All of the changes or none, after every write that was asked for before. Rejects with what LevelDB or the disk says. */
  write(sublevel: Sublevel, changes: readonly StoreChange[], { sync }: { readonly sync: boolean }): Promise<void> {
    const bytes = changes.reduce((sum, change) => sum + CHANGE_BYTES + change.key.length + valueBytes(change), 0);
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes > WAITING_BYTES)
      return Promise.reject(new Error('too much waits to be written'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ sublevel, changes, sync, bytes, resolve, reject });
    this.#waitingBytes += bytes;
    this.#start();
    return promise;
  }

  /** Writes what waits first. Rejects with STORE_STUCK when the disk does not let go of it. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#isClosed = true;
    await this.#mending?.catch(() => undefined);
    await inTime(this.#level.close(), this.#openMs);
  }

  #start(): void {
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#start(); // came when the last of them was on disk, and this was not said yet
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#next();
      try {
        if (this.#damage !== undefined) await this.#reopened();
        await this.#level.batch(
          group.flatMap(({ sublevel, changes }) => changes.map((change) => ({ ...change, sublevel }))),
          durability(group.some(({ sync }) => sync)),
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        this.#damage ??= error;
        for (const { reject } of group) reject(error);
      }
    }
  }

  #next(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > GROUP_BYTES) break;
      bytes += one.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** The same promise for all who want it until the disk has answered: after the deadline they are refused at once. */
  #reopened(): Promise<void> {
    if (this.#mending !== undefined) return this.#mending;
    const work = this.#mend().finally(() => {
      this.#mending = undefined;
    });
    this.#mending = inTime(work, this.#openMs);
    return this.#mending;
  }

  async #mend(): Promise<void> {
    if (this.#isClosed || performance.now() - this.#triedAt < RETRY_MS) throw this.#damage;
    try {
      await this.#probed();
      if (this.#isClosed) throw this.#damage;
      const work = this.#reopen().finally(() => {
        this.#reopening = undefined;
      });
      this.#reopening = inTime(work, this.#openMs);
      await work;
    } catch (error) {
      this.#triedAt = performance.now();
      throw error;
    }
  }

  /** What was opened badly reads nothing either: the disk must show first that it takes as much as opening writes. */
  async #probed(): Promise<void> {
    const probe = join(this.#folder, 'probe');
    try {
      const file = await open(probe, 'w', 0o600);
      try {
        await file.writeFile(Buffer.alloc((await logBytes(this.#folder)) + MARGIN_BYTES, 1));
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await rm(probe, { force: true });
    }
  }

  async #reopen(): Promise<void> {
    await this.#level.close();
    if (this.#isClosed) return; // while the disk did not answer
    await this.#level.open();
    if (this.#isClosed) return this.#level.close();
    for (const sublevel of this.#sublevels.values()) await sublevel.open();
    this.#damage = undefined;
  }
}

/** `work` goes on, since nothing can end it; who waits for it hears STORE_STUCK. */
function inTime(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new StorageError('STORE_STUCK', `the disk has not answered for ${ms} ms`, { hint: HINT })),
    ms,
  );
  void work.then(resolve, reject).finally(() => clearTimeout(timer));
  promise.catch(() => undefined); // nobody may be waiting
  return promise;
}

async function logBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) if (name.endsWith('.log')) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

function valueBytes(change: StoreChange): number {
  return change.type === 'put' ? change.value.byteLength : 0;
}

function sublevelOf(level: Level<string, Uint8Array>, name: string) {
  return level.sublevel<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' });
}

// `sync` is classic-level's own option: abstract-level's types do not know it.
function durability(sync: boolean): object {
  return { sync };
}
