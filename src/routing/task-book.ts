/** A task that a server runs for an agent, and where. */
export interface KnownTask {
  /** The id by which the agent knows it: the server's own, unless another task of the agent had it first. */
  readonly id: string;
  /** The id on its own server. */
  readonly ownId: string;
  readonly nodeId: string;
  /** The server's name on that node. */
  readonly alias: string;
  /** The tool that was called, in its server's own name. */
  readonly tool: string;
  /** On the clock of the caller. */
  readonly untilMs: number;
  /** The task as its server last described it, with `id` for an id. */
  readonly seen: Readonly<Record<string, unknown>>;
}

export type NewTask = Omit<KnownTask, 'id' | 'untilMs' | 'seen'> & {
  readonly seen: Readonly<Record<string, unknown>>;
};

const MAX_OF_AGENT = 256;
const MAX_AGENTS = 1_024;
const LONGEST_MS = 24 * 3_600_000;
const UNSAID_MS = 3_600_000;
/** A server may keep a task a little longer than it said, and its agent ask a little late. */
const GRACE_MS = 60_000;

const ENDED: ReadonlySet<unknown> = new Set(['completed', 'failed', 'cancelled']);

/** Whether the task can no longer change. */
export function isEnded(task: KnownTask): boolean {
  return ENDED.has(task.seen['status']);
}

/** Which agent's tasks run where: nobody finds another's. Bounded; ended tasks make room first, then the oldest. */
export class TaskBook {
  readonly #agents = new Map<string, Map<string, KnownTask>>();

  /** Keeps the task for as long as its server said (`ttl`, milliseconds), a day at most. */
  add(agentId: string, task: NewTask, nowMs: number): KnownTask {
    const tasks = this.#agents.get(agentId) ?? new Map<string, KnownTask>();
    this.#agents.delete(agentId);
    this.#agents.set(agentId, tasks);
    if (this.#agents.size > MAX_AGENTS) this.#agents.delete(this.#agents.keys().next().value as string);
    expire(tasks, nowMs);
    const id = freeId(tasks, task);
    if (!tasks.has(id) && tasks.size >= MAX_OF_AGENT) {
      const known = [...tasks.values()];
      tasks.delete((known.find(isEnded) ?? (known[0] as KnownTask)).id);
    }
    const ttl = task.seen['ttl'];
    const keepMs = ttl === null ? LONGEST_MS : typeof ttl === 'number' ? Math.max(0, ttl) + GRACE_MS : UNSAID_MS;
    const untilMs = nowMs + Math.min(keepMs, LONGEST_MS);
    const known: KnownTask = { ...task, id, untilMs, seen: { ...task.seen, taskId: id } };
    tasks.set(id, known);
    return known;
  }

  find(agentId: string, id: string, nowMs: number): KnownTask | undefined {
    const task = this.#agents.get(agentId)?.get(id);
    return task === undefined || task.untilMs <= nowMs ? undefined : task;
  }

  /** The agent's tasks, oldest first. */
  of(agentId: string, nowMs: number): KnownTask[] {
    const tasks = this.#agents.get(agentId);
    if (tasks === undefined) return [];
    expire(tasks, nowMs);
    return [...tasks.values()];
  }

  /** What its server says of the task now. */
  update(agentId: string, id: string, seen: Readonly<Record<string, unknown>>): void {
    const tasks = this.#agents.get(agentId);
    const task = tasks?.get(id);
    if (tasks !== undefined && task !== undefined) tasks.set(id, { ...task, seen: { ...seen, taskId: id } });
  }
}

function expire(tasks: Map<string, KnownTask>, nowMs: number): void {
  for (const task of tasks.values()) if (task.untilMs <= nowMs) tasks.delete(task.id);
}

/** Servers count their tasks without knowing of each other: an id that another one gave this agent first gets a number. */
function freeId(tasks: ReadonlyMap<string, KnownTask>, { ownId, nodeId, alias }: NewTask): string {
  for (let number = 1; ; number++) {
    const id = number === 1 ? ownId : `${ownId}~${number}`;
    const other = tasks.get(id);
    if (other === undefined) return id;
    if (other.ownId === ownId && other.nodeId === nodeId && other.alias === alias) return id;
  }
}
