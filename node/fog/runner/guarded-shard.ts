import { setTimeout as delay } from 'node:timers/promises';
import type { Exit as LeaderExit } from '../../backends/child.ts';
import type { GuardLink } from './guard-link.ts';
import { paced } from './paced.ts';
import { LogRing } from './log-ring.ts';
import type { EndReason, RunningShard, ShardServer, ShardStart, StopCause, Usage } from './port.ts';
import type { ShardServers } from './shard-server.ts';

interface Parts {
  readonly guard: GuardLink;
  readonly pid: number;
  readonly startTime: string;
  readonly servers: ShardServers;
  /** What is to be done before the end is told. `reason` undefined: the guard did not say that nothing is left. */
  readonly clearUp: (reason: EndReason | undefined) => Promise<void>;
}

const DEFAULT_START_MS = 30_000;
const LAST_CHANCE_MS = 500;

/** A shard that runs as a process under its guard. */
export class GuardedShard implements RunningShard {
  readonly placementId: string;
  readonly pid: number;
  readonly startTime: string;
  readonly server: ShardServer;
  readonly ready: Promise<boolean>;
  readonly exited: Promise<EndReason>;
  readonly logs = new LogRing();
  readonly #guard: GuardLink;

  constructor(shard: ShardStart, { guard, pid, startTime, servers, clearUp }: Parts) {
    this.placementId = shard.placementId;
    this.pid = pid;
    this.startTime = startTime;
    this.#guard = guard;
    this.exited = guard.ended.then(async (reason) => {
      await guard.gone;
      await clearUp(reason);
      return reason ?? { kind: 'guard-lost' };
    });
    const { startTimeoutMs = DEFAULT_START_MS } = shard;
    const streams = { stdin: guard.stdin, stdout: guard.stdout, stderr: paced(guard.stderr) };
    this.server = servers.forProcess(shard, {
      process: { pid, ...streams, ended: this.exited.then(leaderExit) },
      output: this.logs,
      handshakeMs: startTimeoutMs,
    });
    this.ready = this.#begin(startTimeoutMs);
  }

  async stop(cause: StopCause, { graceMs }: { readonly graceMs: number }): Promise<EndReason> {
    this.#guard.stdin.end();
    this.#guard.tell({ kind: 'stop', reason: { kind: cause }, graceMs });
    return this.exited;
  }

  renewLease(untilMs: number): void {
    this.#guard.tell({ kind: 'lease', untilMs });
  }

  usage(): Usage | undefined {
    return this.#guard.usage();
  }

  #begin(startTimeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => this.#giveUp({ kind: 'start-timeout' }), startTimeoutMs);
    let settled = false;
    const settle = (ready: boolean): void => {
      settled = true;
      clearTimeout(timer);
      resolve(ready);
    };
    const look = (): void => {
      const { state, problem = 'it ended' } = this.server.state();
      if (state === 'healthy' && !settled) settle(true);
      if (state !== 'down') return;
      // One that no longer speaks serves nobody, whether or not it still runs.
      void this.#lost(settled ? undefined : { kind: 'start-failed', problem: problem.split(': ')[0] as string });
    };
    this.server.onChange(look);
    void this.exited.then(() => settle(false));
    void this.server.start();
    return promise;
  }

  #giveUp(reason: EndReason): void {
    this.#guard.tell({ kind: 'stop', reason, graceMs: 0 });
  }

  /** A program that closed its streams usually ends itself next, and how it does tells more. */
  async #lost(reason: EndReason | undefined): Promise<void> {
    await Promise.race([this.exited, delay(LAST_CHANCE_MS, undefined, { ref: false })]);
    this.#guard.tell({ kind: 'stop', reason, graceMs: 0 });
  }
}

/** What the channel tells of an end: the leader's own where it is known. */
function leaderExit(reason: EndReason): LeaderExit {
  if ('code' in reason && reason.code !== undefined) return { code: reason.code, signal: null };
  const signal = 'signal' in reason && reason.signal !== undefined ? reason.signal : 'SIGKILL';
  return { code: null, signal: signal as NodeJS.Signals };
}
