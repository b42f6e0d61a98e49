import { Latest, readReport, reportOf, USAGE, usageKey } from '../../protocols/usage/index.ts';
import { RateLimiter, SharedUsage } from '../../src/routing/index.ts';
import type { MeshHost } from '../host/index.ts';
import type { SpreadClock } from '../spread/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const MAX_REMEMBERED_KEYS = 20_000;

interface Parts {
  readonly host: Pick<MeshHost, 'nodeId' | 'subscribe' | 'publish' | 'admitted'>;
  readonly clock: Pick<SpreadClock, 'wallMs' | 'now' | 'after'>;
  readonly reporter: Reporter;
}

/** Makes the limits of tools those of the village: tells other nodes what was used here, and counts what they tell. */
export class UsageShare {
  readonly #parts: Parts;
  readonly #usage = new SharedUsage();
  readonly #latest = new Latest();
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #keys = new Map<string, string>();
  #seq = 0;
  #running = false;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => undefined;
  #telling: Promise<void> = Promise.resolve();

  /** Listens on the host: before the host starts. */
  constructor(parts: Parts) {
    this.#parts = parts;
    parts.host.subscribe(USAGE.name, (data, from) => this.#hear(data, from));
  }

  /** Begins to tell. After the host has started. */
  start(): void {
    this.#running = true;
  }

  /** Resolves when nothing is being told any more. Never rejects. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel();
    await this.#telling;
  }

  /** A call of an agent that begins here: 0, or the milliseconds after which it may be tried again. */
  take(agentId: string, tool: string, limit: { readonly perMinute: number; readonly nowMs: number }): number {
    const nodes = this.#parts.host.admitted().size + 1;
    // Spec usage/R5, and who can call at one node only is counted there.
    if (nodes === 1 || agentId.includes('@')) return 0;
    const waitMs = this.#usage.take(this.#keyOf(agentId, tool), { ...limit, nodes });
    if (waitMs === 0) this.#tellIn(USAGE.tellEveryMs);
    return waitMs;
  }

  #keyOf(agentId: string, tool: string): string {
    const both = `${agentId}\n${tool}`;
    const known = this.#keys.get(both);
    if (known !== undefined) return known;
    const key = usageKey(agentId, tool);
    if (this.#keys.size >= MAX_REMEMBERED_KEYS) this.#keys.clear();
    this.#keys.set(both, key);
    return key;
  }

  #tellIn(ms: number): void {
    const { clock } = this.#parts;
    const dueMs = clock.now() + ms;
    if (!this.#running || dueMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = dueMs;
    this.#cancel = clock.after(ms, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#telling = this.#tell();
    });
  }

  async #tell(): Promise<void> {
    const { host, clock } = this.#parts;
    const counts = this.#usage.told(clock.now());
    this.#seq = Math.max(this.#seq + 1, clock.wallMs());
    if (counts.length > 0) this.#tellIn(USAGE.tellIdleEveryMs);
    if (host.admitted().size === 0) return;
    try {
      await host.publish(USAGE.name, reportOf(this.#seq, counts));
    } catch {
      // Nobody need hear it: the next report says all of it again.
    }
  }

  #hear(data: Uint8Array, from: string): boolean {
    const { host, clock, reporter } = this.#parts;
    if (from === host.nodeId) return true;
    const now = clock.now();
    const refuse = (reason: 'rate' | 'malformed') => {
      reporter.report('gossip.refused', { topic: USAGE.name, from, reason });
      return false;
    };
    if (this.#rates.take(from, USAGE.heard, now) > 0) return refuse('rate');
    const report = readReport(data);
    if (report === undefined) return refuse('malformed');
    if (!this.#latest.isNews(from, report.seq, now)) return false;
    this.#usage.heard(from, new Map(Object.entries(report.counts)), now);
    return true;
  }
}
