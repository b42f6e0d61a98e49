import type { DirectoryClock, DirectoryParts } from './ports.ts';

type Parts = Pick<DirectoryParts, 'reporter'> & {
  readonly host: Pick<DirectoryParts['host'], 'provide' | 'unprovide' | 'admitted'>;
  readonly clock: DirectoryClock;
  /** Aborts when discovery stops. */
  readonly signal: AbortSignal;
};

const PROVIDE_MS = 10_000;
/** New peers come in crowds at a start; records are stored with them together. */
const GATHER_MS = 500;
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;

/** Keeps the DHT told of what this node provides, until somebody holds each record. The host says them again as they age and peers come. */
export class ProvidedKeys {
  readonly #parts: Parts;
  /** Path → with how many peers its record was stored last. */
  readonly #stored = new Map<string, number>();
  #retryMs = RETRY_MS;
  #running = false;
  #cancel: (() => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** From here on exactly these paths are provided. */
  async set(paths: readonly string[]): Promise<void> {
    const gone = [...this.#stored.keys()].filter((path) => !paths.includes(path));
    for (const path of gone) this.#stored.delete(path);
    for (const path of paths) if (!this.#stored.has(path)) this.#stored.set(path, 0);
    this.#soon(0);
    await Promise.all(gone.map((path) => this.#unprovide(path)));
  }

  /** A peer came: records that nobody holds can be stored with it. */
  peerCame(): void {
    this.#retryMs = RETRY_MS;
    if (this.#isMissing()) this.#soon(GATHER_MS);
  }

  stop(): void {
    this.#cancel?.();
  }

  #soon(ms: number): void {
    if (this.#running || this.#parts.signal.aborted) return;
    this.#cancel?.();
    this.#cancel = this.#parts.clock.after(ms * (1 + this.#parts.clock.chance()), () => {
      this.#running = true;
      void this.#round().finally(() => {
        this.#running = false;
        if (!this.#isMissing()) return;
        this.#soon(this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      });
    });
  }

  #isMissing(): boolean {
    return [...this.#stored.values()].some((stored) => stored === 0);
  }

  async #round(): Promise<void> {
    if (this.#parts.host.admitted().size === 0) return;
    for (const [path, stored] of [...this.#stored]) {
      if (stored > 0 || !this.#stored.has(path)) continue;
      const count = await this.#provide(path);
      if (!this.#stored.has(path)) await this.#unprovide(path);
      else this.#stored.set(path, count);
    }
  }

  async #provide(path: string): Promise<number> {
    const signal = AbortSignal.any([AbortSignal.timeout(PROVIDE_MS), this.#parts.signal]);
    try {
      const stored = await this.#parts.host.provide(path, { signal });
      this.#parts.reporter.report('dht.provided', { key: path, stored });
      return stored;
    } catch {
      return 0; // tried again after a while, as when nobody took it
    }
  }

  async #unprovide(path: string): Promise<void> {
    try {
      await this.#parts.host.unprovide(path);
    } catch (error) {
      this.#parts.reporter.report('background.failed', { area: 'discovery', error });
    }
  }
}
