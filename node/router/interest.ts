import type { Era } from '../backends/backend.ts';

export type Listener = (uri: string) => void;

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;
const MAX_ATTEMPTS = 12;

interface InterestParts {
  readonly uri: string;
  /** The server whose view the agent subscribed in; undefined: the whole village. */
  readonly view: string | undefined;
  readonly era: Era;
  readonly agentId: string;
  /** Whether the agent may still be told. */
  readonly mayHear: () => boolean;
  /** Begins the watch anew, wherever the resource is served now. Never rejects. */
  readonly again: () => Promise<boolean>;
}

/** One resource that one agent of this node listens to, in however many sessions, and the one watch behind it. */
export class Interest {
  readonly uri: string;
  readonly view: string | undefined;
  readonly era: Era;
  readonly agentId: string;
  readonly #parts: InterestParts;
  readonly #listeners = new Set<{ readonly hear: Listener }>();
  #leave: (() => void) | undefined;
  /** A change that came before the watch was confirmed. */
  #early: string | undefined;
  #attempts = 0;
  #retry: NodeJS.Timeout | undefined;
  #trying = false;
  #over = false;

  constructor(parts: InterestParts) {
    this.uri = parts.uri;
    this.view = parts.view;
    this.era = parts.era;
    this.agentId = parts.agentId;
    this.#parts = parts;
  }

  get watched(): boolean {
    return this.#leave !== undefined;
  }

  get heard(): boolean {
    return this.#listeners.size > 0;
  }

  listen(hear: Listener): () => void {
    const listener = { hear };
    this.#listeners.add(listener);
    const early = this.#early;
    this.#early = undefined;
    // After whoever listens has been told that it does.
    if (early !== undefined) setImmediate(() => this.#tell(early));
    return () => this.#listeners.delete(listener);
  }

  /** The watch is confirmed, and this ends it. */
  confirm(leave: () => void): void {
    if (this.#over) return leave();
    clearTimeout(this.#retry);
    this.#leave = leave;
    this.#attempts = 0;
  }

  updated(uri: string): void {
    if (this.watched && this.heard) this.#tell(uri);
    else this.#early = uri;
  }

  /** The watch is over by no wish of ours: it is begun anew, a dozen times, then when `nudge` says that something changed. */
  lost(): void {
    this.#leave = undefined;
    this.#later();
  }

  /** The village changed: a watch that could not be had may be had now. */
  nudge(): void {
    if (this.watched || this.#over || this.#trying || !this.heard) return;
    this.#attempts = 0;
    clearTimeout(this.#retry);
    this.#later();
  }

  end(): void {
    this.#over = true;
    clearTimeout(this.#retry);
    this.#leave?.();
    this.#leave = undefined;
    this.#listeners.clear();
  }

  #later(): void {
    if (this.#over || this.#attempts >= MAX_ATTEMPTS) return;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#attempts, LONGEST_RETRY_MS);
    this.#attempts += 1;
    this.#retry = setTimeout(() => void this.#again(), waitMs).unref();
  }

  async #again(): Promise<void> {
    if (this.#trying || this.watched) return;
    this.#trying = true;
    const begun = await this.#parts.again();
    this.#trying = false;
    this.#early = undefined;
    if (this.#over) return;
    // What changed meanwhile went unheard: whoever listens reads again.
    if (begun) this.#tell(this.uri);
    else this.#later();
  }

  #tell(uri: string): void {
    if (!this.#parts.mayHear()) return;
    for (const { hear } of this.#listeners) hear(uri);
  }
}
