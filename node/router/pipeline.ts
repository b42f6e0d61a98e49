import { after, utf8, waits } from '../../src/kernel/index.ts';
import { errorText, type RpcRequest } from '../../src/mcp/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { isBlocked } from './emergency.ts';
import { limited, type Refused, stopped, unapproved, unauthorised } from './gate.ts';
import type { Job } from './job.ts';
import { redefined } from './changed-parts.ts';
import { shed } from './overload.ts';
import type { RouterParts } from './parts.ts';
import type { Recorder } from './recorder.ts';
import { Running } from './running.ts';
import { ThreatGate } from './threat-gate.ts';
import type { Quarantined } from './threat-records.ts';
import { standingOf, type VotePort } from './vote-port.ts';

type Parts = Pick<RouterParts, 'rates' | 'overload' | 'pins' | 'limits' | 'policy' | 'votes' | 'reporter'>;
type Work = () => Awaitable<BackendReply>;
/** A look at a call before it begins: why it must not, or undefined. */
type Check = (job: Job) => Refused | undefined;
/** What may stand before the work and answer in its place. */
type Detour = (job: Job, work: Work) => Awaitable<BackendReply>;

/**
 * What every call goes through, whoever asks, in this order: the checks, the detours, the work itself, and the record of it. Where
 * nothing of it has to wait, all of it happens at once: the reply is there when `perform` returns.
 */
export class Pipeline {
  readonly #recorder: Recorder;
  readonly #votes: Parts['votes'];
  readonly #running = new Running();
  readonly #threat: ThreatGate;
  readonly #checks: readonly Check[];
  readonly #detours: readonly Detour[];

  constructor(
    { rates, overload, pins, limits, policy, votes, reporter }: Parts,
    { recorder, detours = [] }: { readonly recorder: Recorder; readonly detours?: readonly Detour[] },
  ) {
    this.#recorder = recorder;
    this.#votes = votes;
    this.#threat = new ThreatGate({ policy, reporter });
    this.#checks = [
      (job) => (overload === undefined ? undefined : shed(job, overload)),
      (job) => this.#running.tooMany(job, limits()),
      (job) => {
        const { perAgentPerMinute, perNodePerSecond } = limits();
        return limited(job, rates, { perAgentPerMinute, perNodePerSecond, nowMs: job.began });
      },
      unauthorised,
      (job) => stopped(job, { blocked: isBlocked(job.server, policy()) }),
      unapproved,
      (job) => (pins === undefined ? undefined : redefined(job, pins, policy())),
      (job) => this.#threat.check(job),
    ];
    this.#detours = [
      (job, work) => (job.standing === 'ask' && votes !== undefined ? votes.ask(job) : work()),
      (job, work) => (job.standing === 'approved' && votes !== undefined ? oneTime(job, work, votes) : work()),
      ...detours,
    ];
  }

  get callsInFlight(): number {
    return this.#running.total;
  }

  /** Somebody at an address could not prove who it is. */
  loginFailed(sourceIp: string, reason: string, nowMs: number): void {
    this.#threat.loginFailed(sourceIp, reason, nowMs);
  }

  /** Agents that this node keeps in quarantine by itself. */
  quarantined(nowMs: number): readonly Quarantined[] {
    return this.#threat.quarantined(nowMs);
  }

  /** Does the call and puts the outcome on record, whatever it is; `job.refused` says why it was not let through. */
  perform(job: Job, work: Work): Awaitable<BackendReply> {
    job.standing = standingOf(job, this.#votes);
    for (const check of this.#checks) {
      const refused = check(job);
      if (refused === undefined) continue;
      job.refused = refused;
      return this.#ended(job, denial(job.request, refused));
    }
    const room = this.#recorder.room();
    return room === undefined ? this.#begin(job, work) : room.then(() => this.#begin(job, work));
  }

  #begin(job: Job, work: Work): Awaitable<BackendReply> {
    const unrecordable = this.#recorder.unready(job);
    if (unrecordable !== undefined) return unrecordable;
    const { agentId } = job.context.principal;
    const way = this.#running.begin(job);
    let isUnderWay = false;
    try {
      const reply = this.#detour(job, work, 0);
      const ended = after(reply, (done) => this.#ended(job, done));
      isUnderWay = waits(ended);
      return isUnderWay ? whenOver(ended, () => this.#running.end(way, agentId)) : ended;
    } finally {
      if (!isUnderWay) this.#running.end(way, agentId);
    }
  }

  #ended(job: Job, reply: BackendReply): Awaitable<BackendReply> {
    this.#threat.ended(job, reply);
    return this.#recorder.ended(job, reply);
  }

  #detour(job: Job, work: Work, at: number): Awaitable<BackendReply> {
    const detour = this.#detours[at];
    return detour === undefined ? work() : detour(job, () => this.#detour(job, work, at + 1));
  }
}

function whenOver(ended: Awaitable<BackendReply>, over: () => void): Awaitable<BackendReply> {
  return after(
    ended,
    (reply) => {
      over();
      return reply;
    },
    (error) => {
      over();
      throw error;
    },
  );
}

/** What voters approved runs once, whatever ends this process in between. */
async function oneTime(job: Job, work: Work, votes: VotePort): Promise<BackendReply> {
  if (await votes.begin(job)) return work();
  const message = `${job.called} was approved once, and has run`;
  const refused: Refused = { error: 'PERMISSION_DENIED', reason: 'needs-vote', message };
  job.refused = refused;
  return denial(job.request, refused);
}

function denial(request: RpcRequest, { error: name, message, reason, retryAfterMs }: Refused): BackendReply {
  return { body: utf8(errorText(request.id, { name, message }, { retryAfterMs })), outcome: 'denied', reason };
}
