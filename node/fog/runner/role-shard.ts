import { boottimeMs } from './boottime.ts';
import { LogRing } from './log-ring.ts';
import type { EndReason, Program, RunningShard, ShardServer, ShardStart, StopCause } from './port.ts';
import { withListeners } from './shard-server.ts';

const LEASE_LOOK_MS = 100;

/** A built-in role as a shard: in this process, so nothing but its lease is enforced, and it ends with the node. */
export class RoleShard implements RunningShard {
  readonly placementId: string;
  readonly pid = undefined;
  readonly startTime = undefined;
  readonly server: ShardServer;
  readonly ready: Promise<boolean>;
  readonly exited: Promise<EndReason>;
  readonly logs = new LogRing();
  readonly #end: (reason: EndReason) => void;
  readonly #timer: NodeJS.Timeout;
  #leaseUntilMs: number;

  constructor(shard: ShardStart, program: Extract<Program, { kind: 'role' }>) {
    this.placementId = shard.placementId;
    this.server = withListeners(program.open(shard.alias), new Set());
    const { promise, resolve } = Promise.withResolvers<EndReason>();
    this.#end = resolve;
    this.#leaseUntilMs = shard.leaseUntilMs;
    this.#timer = setInterval(() => this.#look(), LEASE_LOOK_MS);
    this.exited = promise.then(async (reason) => {
      clearInterval(this.#timer);
      await this.server.stop();
      return reason;
    });
    this.ready = this.server.start().then(
      () => true,
      () => {
        this.#end({ kind: 'start-failed', problem: 'the role did not start' });
        return false;
      },
    );
  }

  stop(cause: StopCause): Promise<EndReason> {
    this.#end({ kind: cause });
    return this.exited;
  }

  renewLease(untilMs: number): void {
    if (boottimeMs() < this.#leaseUntilMs) this.#leaseUntilMs = Math.max(this.#leaseUntilMs, untilMs);
  }

  usage(): undefined {
    return undefined;
  }

  #look(): void {
    if (boottimeMs() >= this.#leaseUntilMs) this.#end({ kind: 'lease' });
  }
}
