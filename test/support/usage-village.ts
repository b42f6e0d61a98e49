import { UsageShare } from '../../node/usage/index.ts';
import { Reports } from './mesh-hosts.ts';

const STEP_MS = 10;

interface Flying {
  readonly atMs: number;
  readonly from: string;
  readonly data: Uint8Array;
}

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Nodes that share a limit, on a clock and a network of the test's own: what is said arrives `delayMs` later, unless it is cut off. */
export class UsageVillage {
  readonly nodes: { readonly nodeId: string; readonly share: UsageShare; readonly reports: Reports }[] = [];
  /** Everything said, in order. */
  readonly said: Flying[] = [];
  isCut = false;
  nowMs = 1_000_000;
  readonly #accepts = new Map<string, (data: Uint8Array, from: string) => boolean>();
  readonly #timers = new Set<Timer>();
  #flying: Flying[] = [];
  readonly #delayMs: number;

  constructor(count: number, delayMs: number) {
    this.#delayMs = delayMs;
    for (let index = 0; index < count; index += 1) this.#join(`node-${index}`, count);
  }

  /** Goes on, letting `each` act every 10 ms. */
  run(ms: number, each: () => void = () => undefined): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      each();
      this.nowMs += STEP_MS;
      for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.nowMs)) {
        this.#timers.delete(timer);
        timer.run();
      }
      const arrived = this.#flying.filter(({ atMs }) => atMs <= this.nowMs);
      this.#flying = this.#flying.filter(({ atMs }) => atMs > this.nowMs);
      for (const { from, data } of arrived) this.deliver(from, data);
    }
  }

  /** Whether each node would pass it on. */
  deliver(from: string, data: Uint8Array): boolean[] {
    return [...this.#accepts].filter(([nodeId]) => nodeId !== from).map(([, accept]) => accept(data, from));
  }

  #join(nodeId: string, count: number): void {
    const reports = new Reports();
    const peers = new Map(Array.from({ length: count - 1 }, (_, index) => [`peer-${index}`, {} as never]));
    const share = new UsageShare({
      host: {
        nodeId,
        subscribe: (_topic, accept) => void this.#accepts.set(nodeId, accept),
        publish: (_topic, data) => {
          const flying = { from: nodeId, data, atMs: this.nowMs + this.#delayMs };
          this.said.push(flying);
          if (!this.isCut) this.#flying.push(flying);
          return Promise.resolve();
        },
        admitted: () => peers,
      },
      clock: {
        wallMs: () => 1_800_000_000_000 + this.nowMs,
        now: () => this.nowMs,
        after: (ms, run) => {
          const timer = { atMs: this.nowMs + ms, run };
          this.#timers.add(timer);
          return () => this.#timers.delete(timer);
        },
      },
      reporter: reports,
    });
    share.start();
    this.nodes.push({ nodeId, share, reports });
  }
}
