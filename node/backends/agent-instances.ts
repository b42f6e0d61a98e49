import type { RpcRequest } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply } from './backend.ts';
import { busy } from './call.ts';
import type { Supervisor } from './supervisor.ts';

const MAX_INSTANCES = 16;
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 30_000;

interface Instance {
  readonly supervisor: Supervisor;
  usedAt: number;
}

/** One process, or session, for each agent that calls: at most 16, stopped after ten minutes without a call. */
export class AgentInstances {
  readonly #create: (agent: string) => Supervisor;
  readonly #idleMs: number;
  readonly #instances = new Map<string, Instance>();
  readonly #stopping = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(create: (agent: string) => Supervisor, options: { readonly idleMs?: number } = {}) {
    this.#create = create;
    this.#idleMs = options.idleMs ?? IDLE_MS;
  }

  get size(): number {
    return this.#instances.size;
  }

  async request(
    request: RpcRequest,
    context: BackendContext,
    options: { readonly deadlineAt: number },
  ): Promise<BackendReply> {
    const instance = this.#instanceOf(context.principal.agentId);
    if (instance === undefined) return busy(request.id);
    try {
      return await instance.supervisor.request(request, context, options);
    } finally {
      instance.usedAt = performance.now();
    }
  }

  /** Stops what nobody has used for long enough, at `now` (`performance.now()`). */
  sweep(now: number): void {
    for (const [agent, { supervisor, usedAt }] of this.#instances) {
      if (supervisor.idle && now - usedAt >= this.#idleMs) this.#drop(agent);
    }
    if (this.#instances.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const agent of [...this.#instances.keys()]) this.#drop(agent);
    clearInterval(this.#timer);
    await Promise.all(this.#stopping);
  }

  #instanceOf(agent: string): Instance | undefined {
    const known = this.#instances.get(agent);
    if (known !== undefined || this.#stopped) return known;
    if (this.#instances.size >= MAX_INSTANCES && !this.#makeRoom()) return undefined;
    const instance = { supervisor: this.#create(agent), usedAt: performance.now() };
    instance.supervisor.start();
    this.#instances.set(agent, instance);
    this.#timer ??= setInterval(() => this.sweep(performance.now()), SWEEP_MS).unref();
    return instance;
  }

  /** Stops the instance longest unused among those without a call; false when all are at work. */
  #makeRoom(): boolean {
    const idle = [...this.#instances].filter(([, { supervisor }]) => supervisor.idle);
    const oldest = idle.sort(([, first], [, second]) => first.usedAt - second.usedAt)[0];
    if (oldest !== undefined) this.#drop(oldest[0]);
    return oldest !== undefined;
  }

  #drop(agent: string): void {
    const instance = this.#instances.get(agent);
    if (instance === undefined) return;
    this.#instances.delete(agent);
    const stopping = instance.supervisor.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}
