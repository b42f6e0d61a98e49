import { utf8 } from '../../src/kernel/index.ts';
import { errorText, type RpcRequest } from '../../src/mcp/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import { isBlocked } from './emergency.ts';
import { gate, type Refused } from './gate.ts';
import type { Job } from './job.ts';
import type { RouterParts } from './parts.ts';
import type { Recorder } from './recorder.ts';
import { standingOf } from './vote-port.ts';

/** `refused` is there when it was not let through. */
export interface Performed {
  readonly reply: BackendReply;
  readonly refused: Refused | undefined;
}

/** What every call goes through, whoever asks: limits, permission, the work itself, and the record of it. */
export class Pipeline {
  readonly #parts: Pick<RouterParts, 'clock' | 'rates' | 'limits' | 'policy' | 'votes'>;
  readonly #recorder: Recorder;
  readonly #running = new Map<string, number>();
  #inFlight = 0;

  constructor(parts: Pick<RouterParts, 'clock' | 'rates' | 'limits' | 'policy' | 'votes'>, recorder: Recorder) {
    this.#parts = parts;
    this.#recorder = recorder;
  }

  get callsInFlight(): number {
    return this.#inFlight;
  }

  /** Puts the outcome on record, whatever it is. */
  async perform(job: Job, run: () => Promise<BackendReply> | BackendReply): Promise<Performed> {
    const { agentId } = job.context.principal;
    const { clock, rates } = this.#parts;
    const limits = this.#parts.limits();
    const running = this.#running.get(agentId) ?? 0;
    const { votes } = this.#parts;
    const standing = standingOf(job, votes);
    const refused =
      (running < limits.maxInFlightPerAgent ? undefined : tooManyInFlight(limits.maxInFlightPerAgent)) ??
      gate(job, rates, {
        perAgentPerMinute: limits.perAgentPerMinute,
        nowMs: clock.now(),
        blocked: isBlocked(job.server, this.#parts.policy()),
        standing,
      });
    if (refused !== undefined) return { reply: await this.#recorder.ended(job, denial(job.request, refused)), refused };
    const unrecordable = await this.#recorder.unready(job);
    if (unrecordable !== undefined) return { reply: unrecordable, refused: undefined };
    const work = standing === 'ask' && votes !== undefined ? () => votes.ask(job) : run;
    this.#running.set(agentId, running + 1);
    this.#inFlight += 1;
    try {
      return { reply: await this.#recorder.ended(job, await work()), refused: undefined };
    } finally {
      this.#inFlight -= 1;
      const left = (this.#running.get(agentId) ?? 1) - 1;
      if (left === 0) this.#running.delete(agentId);
      else this.#running.set(agentId, left);
    }
  }
}

function tooManyInFlight(limit: number): Refused {
  const message = `this agent has ${limit} calls in flight; wait for some to end`;
  return { error: 'RATE_LIMITED', reason: 'in-flight', message, retryAfterMs: 100 };
}

function denial(request: RpcRequest, { error: name, message, reason, retryAfterMs }: Refused): BackendReply {
  return { body: utf8(errorText(request.id, { name, message }, { retryAfterMs })), outcome: 'denied', reason };
}
