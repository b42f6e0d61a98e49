import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { LEVELS, type Level } from '../../src/permissions/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';

/** A server of another node, as this one knew it. */
export interface KnownServer {
  readonly label: string;
  readonly alias: string;
  readonly nodeId: string;
  /** Nobody below hears of it. */
  readonly level: Level;
  /** Since when it is missed, in milliseconds since 1970; absent: it was there, or its node said that it is away. */
  readonly lostMs?: number | undefined;
}

/** What the router keeps of other nodes' servers from one run to the next. */
export interface KnownServersPort {
  /** What the last run knew. */
  readonly kept: readonly KnownServer[];
  save(servers: readonly KnownServer[]): void;
}

const KEY = 'known';
export const MAX_KNOWN = 512;
/** Villages change in bursts: what is known is written at once, and then once for all that changed meanwhile. */
const PAUSE_MS = 250;

const Kept = z.strictObject({
  v: z.literal(1),
  servers: z
    .array(
      z.strictObject({
        label: z.string().min(1).max(512),
        alias: z.string().min(1).max(64),
        nodeId: z.string().min(1).max(128),
        level: z.enum(LEVELS),
        lostMs: z.int().nonnegative().optional(),
      }),
    )
    .max(MAX_KNOWN),
});

/** The servers of other nodes on disk. Lost with the machine's power, never waited for: others say it all again. */
export class KnownServers implements KnownServersPort {
  readonly kept: readonly KnownServer[];
  readonly #store: Store;
  readonly #reporter: Reporter;
  readonly #closing = new AbortController();
  #written: string;
  #next: string | undefined;
  #writing: Promise<void> | undefined;

  private constructor(store: Store, { text, reporter }: { readonly text: string; readonly reporter: Reporter }) {
    this.#store = store;
    this.#reporter = reporter;
    this.#written = text;
    this.kept = read(text) ?? [];
  }

  /** What is there and cannot be read is reported and set aside: a node starts without it. Rejects when the store does. */
  static async open(store: Store, { reporter }: { readonly reporter: Reporter }): Promise<KnownServers> {
    const bytes = await store.get(KEY);
    const text = bytes === undefined ? written([]) : Buffer.from(bytes).toString('utf8');
    if (read(text) !== undefined) return new KnownServers(store, { text, reporter });
    const aside = `${KEY}-unread`;
    await store.batch([
      { type: 'put', key: aside, value: bytes ?? new Uint8Array() },
      { type: 'del', key: KEY },
    ]);
    const error = new Error(`what is kept of other nodes' servers cannot be read; it is set aside as ${aside}`);
    reporter.report('background.failed', { area: 'router', error });
    return new KnownServers(store, { text: written([]), reporter });
  }

  save(servers: readonly KnownServer[]): void {
    const text = written(servers);
    if (text === (this.#next ?? this.#written) || this.#closing.signal.aborted) return;
    this.#next = text;
    this.#writing ??= this.#write();
  }

  /** What was given is on disk, or reported. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#next !== undefined) {
      const text = this.#next;
      this.#next = undefined;
      this.#written = text;
      try {
        await this.#store.put(KEY, Buffer.from(text));
      } catch (error) {
        this.#written = ''; // whatever comes next is written
        this.#reporter.report('background.failed', { area: 'router', error });
      }
      await pause(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined); // closing: no pause
    }
    this.#writing = undefined;
  }
}

function written(servers: readonly KnownServer[]): string {
  return JSON.stringify({ v: 1, servers: servers.slice(0, MAX_KNOWN) });
}

function read(text: string): KnownServer[] | undefined {
  try {
    return Kept.safeParse(JSON.parse(text)).data?.servers;
  } catch {
    return undefined; // not JSON
  }
}
