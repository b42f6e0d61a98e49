import { isRole, ROLES } from '../../src/routing/index.ts';
import type { DirectoryClock, DirectoryHost } from './ports.ts';

interface LookupParts {
  readonly host: Pick<DirectoryHost, 'findProviders' | 'admitted'>;
  readonly clock: DirectoryClock;
  readonly intervalMs: number;
  /** Whether somebody known serves this alias already. */
  readonly serves: (alias: string) => boolean;
  /** A node named by a provider record: resolves when it was asked, or need not be. Never rejects. */
  readonly found: (nodeId: string, options: { readonly urgent: boolean }) => Promise<void>;
  /** Aborts when discovery stops. */
  readonly signal: AbortSignal;
}

/** Provided by every node that hosts a third-party server. */
export const HOST_PATH = 'role/host';
const FIRST_INTERVAL_MS = 1_000;
const LOOKUP_MS = 3_000;
const MAX_FOUND = 20;
const MAX_AT_ONCE = 4;
const MAX_WANTED = 32;
const WANTED_MS = 10 * 60_000;
/** How long an alias that nobody served is not looked for again. */
const COOL_MS = 2_000;
const MAX_COOLING = 256;

/** Asks the DHT who serves what: on a loop that slows down while nothing happens, and at once for what somebody wants. */
export class Lookups {
  readonly #parts: LookupParts;
  readonly #wanted = new Map<string, number>();
  readonly #cooling = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  #intervalMs = FIRST_INTERVAL_MS;
  #turn = 0;
  #cancel: () => void = () => undefined;

  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#cancel();
  }

  /** Something changed in the mesh: look again soon. */
  hurry(): void {
    if (this.#intervalMs <= FIRST_INTERVAL_MS) return;
    this.#intervalMs = FIRST_INTERVAL_MS;
    this.#schedule();
  }

  /** Looks for `alias` now; resolves when whoever was found has been asked. Never rejects. */
  async want(alias: string): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,36}$/.test(alias)) return;
    const nowMs = this.#parts.clock.now();
    if (nowMs < (this.#cooling.get(alias) ?? 0) && !this.#running.has(pathOf(alias))) return;
    remember(this.#cooling, alias, nowMs + COOL_MS, MAX_COOLING);
    remember(this.#wanted, alias, nowMs + WANTED_MS, MAX_WANTED);
    // `alias-AbCd` is how another node's server of that alias is called here.
    const plain = /^(.+)-[A-Za-z0-9]{4}$/.exec(alias)?.[1];
    const paths = plain === undefined ? [pathOf(alias)] : [pathOf(alias), pathOf(plain)];
    await Promise.all(paths.map((path) => this.#look(path, { urgent: true })));
  }

  /** Looks for everything now. Never rejects. */
  async all(): Promise<void> {
    await Promise.all(
      [HOST_PATH, ...ROLES.map((role) => `role/${role}`)].map((path) => this.#look(path, { urgent: true })),
    );
  }

  #schedule(): void {
    this.#cancel();
    if (this.#parts.signal.aborted) return;
    const jittered = this.#intervalMs * (0.8 + 0.4 * this.#parts.clock.chance());
    this.#cancel = this.#parts.clock.after(Math.min(jittered, this.#parts.intervalMs * 1.2), () => {
      this.#intervalMs = Math.min(this.#intervalMs * 2, this.#parts.intervalMs);
      void this.#tick().finally(() => this.#schedule()); // never rejects: each lookup ends in an answer
    });
  }

  async #tick(): Promise<void> {
    if (this.#parts.host.admitted().size === 0) return;
    const nowMs = this.#parts.clock.now();
    for (const [alias, untilMs] of this.#wanted) if (untilMs < nowMs) this.#wanted.delete(alias);
    const missing = [...this.#wanted.keys()].filter((alias) => !this.#parts.serves(alias));
    // One role a turn: whoever plays any role is usually found by its servers.
    const role = ROLES[this.#turn++ % ROLES.length] as string;
    for (const path of [HOST_PATH, `role/${role}`, ...missing.map(pathOf)]) await this.#look(path, { urgent: false });
  }

  #look(path: string, options: { readonly urgent: boolean }): Promise<void> {
    const running = this.#running.get(path);
    if (running !== undefined) return running;
    if (this.#running.size >= MAX_AT_ONCE + ROLES.length) return Promise.resolve();
    const looking = this.#find(path, options).finally(() => this.#running.delete(path));
    this.#running.set(path, looking);
    return looking;
  }

  async #find(path: string, options: { readonly urgent: boolean }): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(LOOKUP_MS), this.#parts.signal]);
    const asked: Promise<void>[] = [];
    try {
      for await (const nodeId of this.#parts.host.findProviders(path, { signal, limit: MAX_FOUND })) {
        asked.push(this.#parts.found(nodeId, options));
        if (asked.length >= MAX_FOUND) break;
      }
    } catch {
      // A lookup that ended early has found whom it found; the loop comes back.
    }
    await Promise.all(asked);
  }
}

function pathOf(alias: string): string {
  return isRole(alias) ? `role/${alias}` : `server/${alias}`;
}

/** Sets, and forgets the oldest above `limit`. */
function remember(map: Map<string, number>, key: string, value: number, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > limit) map.delete(map.keys().next().value as string);
}
