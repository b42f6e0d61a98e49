import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boottimeMs } from './boottime.ts';
import { ControlGroup } from './control-group.ts';
import { type FromGuard, type GuardOrders, LAST_WORDS, SHARD_FDS, type ToGuard } from './guard-messages.ts';
import type { EndReason } from './port.ts';
import type { ProcessEntry } from './process-table.ts';
import { ShardProcesses } from './shard-processes.ts';

const LOOK_MS = 100;
const SEARCH_EVERY = 10;
const USAGE_EVERY = 10;
const BURIAL_MS = 20;
/** SIGTERM and SIGKILL come this long before the lease is over: the promise is about its end. */
const LEASE_TERM_MS = 600;
const LEASE_KILL_MS = 300;
const NODE_GONE_GRACE_MS = 500;

interface Ending {
  /** undefined: as the program itself ends. */
  readonly reason: EndReason | undefined;
  killAtMs: number;
}

/**
 * The parent of one shard, in a process of its own: whatever becomes of the node, be it killed, stopped or stuck, the shard ends with its
 * lease, with its node, or at its memory limit, and so does all it started.
 */
export class ShardGuard {
  readonly #say: (message: FromGuard) => Promise<void>;
  readonly #orders: GuardOrders;
  #child: ChildProcess | undefined;
  #processes: ShardProcesses | undefined;
  #group: ControlGroup | undefined;
  #leaseUntilMs: number;
  #ending: Ending | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;

  /** `say` resolves when the node has it, or never will. */
  constructor(orders: GuardOrders, say: (message: FromGuard) => Promise<void>) {
    this.#orders = orders;
    this.#say = say;
    this.#leaseUntilMs = orders.leaseUntilMs;
  }

  start(): void {
    const { command, args, env, folder } = this.#orders;
    const child = spawn(command, args, { cwd: folder, env, detached: true, stdio: [...SHARD_FDS] });
    for (const fd of SHARD_FDS) closeSync(fd); // so that the node sees their end when the shard's own ends close
    this.#child = child;
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) void this.#leave({ kind: 'failed', problem: error.code ?? 'it cannot be started' });
    });
    const { pid } = child;
    if (pid === undefined) return;
    child.once('exit', (code, signal) => void this.#bury(code, signal));
    const processes = new ShardProcesses(pid, { mark: this.#orders.mark });
    this.#processes = processes;
    const startTime = processes.look()[0]?.start ?? '';
    void this.#say({ kind: 'started', pid, startTime });
    this.#timer = setInterval(() => this.#look(processes), LOOK_MS);
  }

  take(message: ToGuard): void {
    if (message.kind === 'lease') {
      // One that is over stays over, its slot may have been given to another: after a sleep a late word is read before the clock is looked at.
      if (boottimeMs() < this.#leaseUntilMs - LEASE_TERM_MS) {
        this.#leaseUntilMs = Math.max(this.#leaseUntilMs, message.untilMs);
      }
    } else if (message.kind === 'stop') {
      this.#end(message.reason, message);
    }
  }

  /** Nobody is left to hear how it ends. */
  nodeGone(): void {
    if (this.#child?.pid === undefined) process.exit(0);
    this.#end({ kind: 'stopped' }, { graceMs: NODE_GONE_GRACE_MS });
  }

  #look(processes: ShardProcesses): void {
    this.#looks += 1;
    const entries = this.#looks % SEARCH_EVERY === 0 ? processes.search() : processes.look();
    const usage = processes.usage(entries);
    this.#lookAtGroup();
    if (this.#looks % USAGE_EVERY === 1) void this.#say({ kind: 'usage', usage });
    const { memMib } = this.#orders;
    if (memMib > 0 && usage.memMib > memMib) this.#end({ kind: 'oom', by: 'limit' }, { graceMs: 0 });
    const now = boottimeMs();
    if (now >= this.#leaseUntilMs - LEASE_TERM_MS) {
      this.#end({ kind: 'lease' }, { graceMs: this.#leaseUntilMs - LEASE_KILL_MS - now });
    }
    if (this.#ending !== undefined && now >= this.#ending.killAtMs) this.#kill();
  }

  #lookAtGroup(): void {
    if (!this.#orders.ownGroup) return;
    this.#group ??= ControlGroup.of(this.#child?.pid as number);
    this.#group?.memoryKills();
  }

  /** Its group at once: looking for those who left it reads all of /proc, which takes longest when time is short. */
  #kill(): void {
    this.#group?.kill();
    signal(-(this.#child?.pid as number), 'SIGKILL');
    killAll(this.#processes?.look() ?? []);
    killAll(this.#processes?.search({ again: true }) ?? []);
  }

  /** The first reason stays; a later end may only come sooner. */
  #end(reason: EndReason | undefined, { graceMs }: { readonly graceMs: number }): void {
    const killAtMs = boottimeMs() + graceMs;
    const { pid } = this.#child ?? {};
    if (this.#ending !== undefined) {
      this.#ending.killAtMs = Math.min(this.#ending.killAtMs, killAtMs);
      return;
    }
    this.#ending = { reason, killAtMs };
    if (pid === undefined) return;
    if (graceMs <= 0) this.#kill();
    else signal(-pid, 'SIGTERM');
  }

  /** The leader has ended; what it left behind follows, and is seen to be gone before that is told. */
  async #bury(code: number | null, by: NodeJS.Signals | null): Promise<void> {
    clearInterval(this.#timer);
    const reason = this.#endOf(code, by);
    this.#group?.kill();
    signal(-(this.#child?.pid as number), 'SIGKILL');
    for (;;) {
      const left = this.#processes?.search({ again: true }) ?? [];
      if (left.length === 0) break;
      killAll(left);
      await new Promise((resolve) => setTimeout(resolve, BURIAL_MS));
    }
    await this.#leave({ kind: 'ended', reason });
  }

  #endOf(code: number | null, by: NodeJS.Signals | null): EndReason {
    const reason = this.#ending?.reason;
    if (reason === undefined) return this.#ownEnd(code, by);
    if (reason.kind !== 'stopped' && reason.kind !== 'preempted' && reason.kind !== 'drained') return reason;
    return { kind: reason.kind, ...(by === null ? { code: code ?? 0 } : { signal: by }) };
  }

  #ownEnd(code: number | null, by: NodeJS.Signals | null): EndReason {
    if (this.#gaveUpForMemory()) return { kind: 'oom', by: 'heap' };
    if (by === 'SIGKILL' && (this.#group?.memoryKills() ?? 0) > 0) return { kind: 'oom', by: 'kernel' };
    return by === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal: by };
  }

  #gaveUpForMemory(): boolean {
    try {
      const report: unknown = JSON.parse(readFileSync(join(this.#orders.folder, LAST_WORDS), 'utf8'));
      return (report as { header: { trigger: unknown } }).header.trigger === 'OOMError';
    } catch {
      return false; // no Node program, or it ended otherwise
    }
  }

  async #leave(message: FromGuard): Promise<void> {
    await this.#say(message);
    process.exit(0);
  }
}

function killAll(entries: readonly ProcessEntry[]): void {
  for (const { pid } of entries) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone meanwhile
  }
}
