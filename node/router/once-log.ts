import { z } from 'zod';
import { isObject, type RpcId } from '../../src/mcp/index.ts';
import { sha256Hex, utf8 } from '../../src/kernel/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { StorageError, type Store, type StoreChange } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';

/** A call with a key of its agent's making, as it began. */
export interface KeyedCall {
  readonly agentId: string;
  readonly key: string;
  readonly digest: string;
  /** When it began, ms since 1970. */
  readonly atMs: number;
  /** The peer that brought it; empty or, of an earlier version, absent: none. */
  readonly by?: string | undefined;
}

/** How it ended, the reply without the id of who asked. */
export interface KeyedEnd {
  readonly reply: BackendReply;
  readonly id: RpcId;
  /** Where it ran or may have run; empty: here. */
  readonly peer: string;
}

/** What was found on disk: a call without an end was under way when the process ended. */
export type KeptCall = KeyedCall & { readonly end: KeyedEnd | undefined };

const Head = z.strictObject({
  v: z.literal(1),
  agentId: z.string(),
  key: z.string(),
  digest: z.string(),
  atMs: z.int(),
  by: z.string().optional(),
  end: z
    .strictObject({
      id: z.union([z.string(), z.number()]),
      peer: z.string(),
      outcome: z.enum(['ok', 'tool_error', 'failed', 'unknown', 'denied']),
      reason: z.string(),
    })
    .optional(),
});

const LINE_END = 0x0a;
/** Calls whose changes wait for a disk that is slow; no more are begun then. */
const MAX_WAITING = 4_096;

/**
 * Keyed calls on disk, so that a key that is sent again after a crash finds what came of the first. One writer, one fsync for all that
 * wait together, the newest word on a call only. Errors: those of the store.
 */
export class OnceLog {
  readonly wallMs: () => number;
  readonly #store: Store;
  readonly #reporter: Reporter;
  readonly #changes = new Map<string, StoreChange>();
  /** What earlier processes left, the oldest first. */
  #kept: readonly KeptCall[] = [];
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  private constructor(store: Store, options: { readonly wallMs: () => number; readonly reporter: Reporter }) {
    this.#store = store;
    this.wallMs = options.wallMs;
    this.#reporter = options.reporter;
  }

  static async open(
    store: Store,
    options: { readonly wallMs: () => number; readonly reporter: Reporter },
  ): Promise<OnceLog> {
    const log = new OnceLog(store, options);
    const kept: KeptCall[] = [];
    for await (const [place, value] of store.entries()) {
      const call = readCall(value);
      if (call === undefined || placeOf(call) !== place) await store.del(place);
      else kept.push(call);
    }
    log.#kept = kept.sort((one, other) => one.atMs - other.atMs);
    return log;
  }

  /** What was on disk at the start. Given once: it is large. */
  takeKept(): readonly KeptCall[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }

  /** Resolves when it is on disk that the call may have run. Rejects at once where too much waits for a slow disk. */
  begun(call: KeyedCall): Promise<void> {
    if (this.#changes.size >= MAX_WAITING) return Promise.reject(behind());
    return this.#write({ type: 'put', key: placeOf(call), value: written(call, undefined) });
  }

  /** Resolves when the answer is on disk. */
  ended(call: KeyedCall, end: KeyedEnd): Promise<void> {
    return this.#write({ type: 'put', key: placeOf(call), value: written(call, end) });
  }

  /** It never began, or is too old. Nobody waits: what stays is dropped at the next start. */
  forget(call: Pick<KeyedCall, 'agentId' | 'key'>): void {
    const key = placeOf(call);
    if (this.#changes.size >= MAX_WAITING && !this.#changes.has(key)) return;
    this.#write({ type: 'del', key }).catch((error: unknown) =>
      this.#reporter.report('background.failed', { area: 'idempotency keys', error }),
    );
  }

  /** Resolves when nothing is being written any more. Never rejects. */
  async close(): Promise<void> {
    await this.#next?.catch(() => undefined);
    await this.#writing;
  }

  #write(change: StoreChange): Promise<void> {
    this.#changes.set(change.key, change);
    this.#next ??= this.#writing.then(() => this.#flush());
    return this.#next;
  }

  #flush(): Promise<void> {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    this.#next = undefined;
    const written = this.#store.batch(changes, { sync: true });
    this.#writing = written.catch(() => undefined); // whoever waits for it is told
    return written;
  }
}

function behind(): StorageError {
  return new StorageError('STORE_FAILED', `${MAX_WAITING} idempotency keys wait for the disk`);
}

/** Agents choose their keys: none may pass for another's. */
function placeOf({ agentId, key }: Pick<KeyedCall, 'agentId' | 'key'>): string {
  return sha256Hex(JSON.stringify([agentId, key]));
}

function written({ agentId, key, digest, atMs, by }: KeyedCall, end: KeyedEnd | undefined): Uint8Array {
  const { id, peer, reply } = end ?? {};
  const ended = reply === undefined ? {} : { end: { id, peer, outcome: reply.outcome, reason: reply.reason } };
  const head = utf8(
    `${JSON.stringify({ v: 1, agentId, key, digest, atMs, ...(by === undefined || by === '' ? {} : { by }), ...ended })}\n`,
  );
  return reply === undefined ? head : Buffer.concat([head, reply.body]);
}

function readCall(value: Uint8Array): KeptCall | undefined {
  const headEnd = value.indexOf(LINE_END);
  const read = Head.safeParse(headEnd < 0 ? undefined : json(value.subarray(0, headEnd)));
  if (!read.success) return undefined;
  const { v: _, end, ...call } = read.data;
  if (end === undefined) return { ...call, end: undefined };
  const { id, peer, outcome, reason } = end;
  return { ...call, end: { id, peer, reply: { body: value.slice(headEnd + 1), outcome, reason } } };
}

function json(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
