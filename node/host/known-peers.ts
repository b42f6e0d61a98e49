import { z } from 'zod';
import { text, utf8 } from '../../src/kernel/index.ts';
import { type RateLimit, RateLimiter } from '../../src/routing/index.ts';
import type { Store } from '../storage/index.ts';

const MAX_KNOWN = 1_000;
const MAX_ADDRESSES = 8;
const FORGET_AFTER_MS = 60 * 24 * 3_600_000;
const MAX_PARALLEL_DIALS = 4;
/** A peer says as often as it likes where it is: so often it goes to disk at once, and otherwise with the next `flush`. */
const WRITES: RateLimit = { perMinute: 6, burst: 8 };

const Known = z.strictObject({ addresses: z.array(z.string().max(512)).max(MAX_ADDRESSES), seen_ms: z.int() });

export interface KnownPeersOptions {
  readonly store: Store;
  readonly now: () => number;
  /** 0 … 1. */
  readonly random: () => number;
  /** The first wait before an absent peer is dialled again, and the longest. */
  readonly backoffMs: { readonly first: number; readonly longest: number };
  /** Above so many admitted peers nobody is dialled for the sake of staying connected. */
  readonly keepConnected: number;
  isConnected(nodeId: string): boolean;
  connectedCount(): number;
  /** Resolves when the peer is admitted. `lookUp`: ask the DHT too, the addresses have failed for long. */
  dial(nodeId: string, addresses: readonly string[], options: { readonly lookUp: boolean }): Promise<void>;
}

interface Entry {
  addresses: readonly string[];
  seenMs: number;
  failures: number;
  dueMs: number;
  dialling: boolean;
  /** What is on disk is older than this. */
  isBehind: boolean;
}

/** The members this node has met: on disk, and dialled again for ever, the last seen first, ever less often. */
export class KnownPeers {
  readonly #options: KnownPeersOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #writes = new RateLimiter({ maxKeys: MAX_KNOWN });
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: KnownPeersOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const { store, now } = this.#options;
    for await (const [nodeId, bytes] of store.entries()) {
      const known = Known.safeParse(parse(bytes));
      if (!known.success || known.data.seen_ms < now() - FORGET_AFTER_MS) {
        await store.del(nodeId);
        continue;
      }
      const { addresses, seen_ms: seenMs } = known.data;
      this.#entries.set(nodeId, { addresses, seenMs, failures: 0, dueMs: 0, dialling: false, isBehind: false });
    }
  }

  start(): void {
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  has(nodeId: string): boolean {
    return this.#entries.has(nodeId);
  }

  addressesOf(nodeId: string): readonly string[] {
    return this.#entries.get(nodeId)?.addresses ?? [];
  }

  /** A member is here, reachable under these addresses. */
  async seen(nodeId: string, addresses: readonly string[]): Promise<void> {
    const seenMs = this.#options.now();
    const kept = [...new Set([...addresses, ...this.addressesOf(nodeId)])].slice(0, MAX_ADDRESSES);
    const dialling = this.#entries.get(nodeId)?.dialling ?? false;
    const entry = { addresses: kept, seenMs, failures: 0, dueMs: 0, dialling, isBehind: true };
    this.#entries.set(nodeId, entry);
    if (this.#writes.take(nodeId, WRITES, seenMs) === 0) await this.#write(nodeId, entry);
    await this.#bound();
  }

  /** A member is gone: it is dialled soon. */
  lost(nodeId: string): void {
    const entry = this.#entries.get(nodeId);
    if (entry === undefined) return;
    entry.dueMs = this.#options.now() + this.#wait(0);
    this.#schedule();
  }

  /** What was too soon to write when it was heard is on disk. Rejects when the disk does. */
  async flush(): Promise<void> {
    for (const [nodeId, entry] of this.#entries) if (entry.isBehind) await this.#write(nodeId, entry);
  }

  /** Worth dialling, though never met: an address of the configuration, or a neighbour. */
  suggest(nodeId: string, addresses: readonly string[]): void {
    if (this.#entries.has(nodeId) || this.#entries.size >= MAX_KNOWN) return;
    const kept = addresses.slice(0, MAX_ADDRESSES);
    this.#entries.set(nodeId, { addresses: kept, seenMs: 0, failures: 0, dueMs: 0, dialling: false, isBehind: false });
    this.#schedule();
  }

  async #write(nodeId: string, entry: Entry): Promise<void> {
    const { addresses, seenMs } = entry;
    entry.isBehind = false;
    try {
      await this.#options.store.put(nodeId, utf8(JSON.stringify({ addresses, seen_ms: seenMs })));
    } catch (error) {
      entry.isBehind = true;
      throw error;
    }
  }

  async #bound(): Promise<void> {
    if (this.#entries.size <= MAX_KNOWN) return;
    const [oldest] = [...this.#entries].sort(([, a], [, b]) => a.seenMs - b.seenMs)[0] ?? [];
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    await this.#options.store.del(oldest);
  }

  #absent(): [string, Entry][] {
    return [...this.#entries]
      .filter(([nodeId, entry]) => !entry.dialling && !this.#options.isConnected(nodeId))
      .sort(([, a], [, b]) => b.seenMs - a.seenMs);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#running) return;
    const due = Math.min(...this.#absent().map(([, entry]) => entry.dueMs));
    if (!Number.isFinite(due)) return;
    const delay = Math.max(0, due - this.#options.now());
    this.#timer = setTimeout(() => this.#dialDue(), Math.min(delay, this.#options.backoffMs.longest));
  }

  #dialDue(): void {
    const now = this.#options.now();
    let dialling = [...this.#entries.values()].filter((entry) => entry.dialling).length;
    const enough = this.#options.connectedCount() >= this.#options.keepConnected;
    for (const [nodeId, entry] of this.#absent()) {
      if (entry.dueMs > now) continue;
      if (enough || dialling >= MAX_PARALLEL_DIALS) {
        entry.dueMs = now + this.#wait(enough ? 8 : 0);
        continue;
      }
      dialling += 1;
      void this.#dial(nodeId, entry);
    }
    this.#schedule();
  }

  async #dial(nodeId: string, entry: Entry): Promise<void> {
    entry.dialling = true;
    try {
      await this.#options.dial(nodeId, entry.addresses, { lookUp: entry.failures % 4 === 3 });
      entry.failures = 0;
    } catch {
      entry.failures += 1; // absent peers are ordinary; status shows who is connected
    } finally {
      const latest = this.#entries.get(nodeId) ?? entry; // it may have come by itself meanwhile
      latest.dialling = false;
      latest.dueMs = this.#options.now() + this.#wait(latest.failures);
      this.#schedule();
    }
  }

  #wait(failures: number): number {
    const { first, longest } = this.#options.backoffMs;
    return Math.min(longest, first * 2 ** Math.min(failures, 16)) * (0.75 + this.#options.random() / 2);
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes));
  } catch {
    return undefined;
  }
}
