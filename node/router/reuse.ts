import { after, waits } from '../../src/kernel/index.ts';
import type { RpcId } from '../../src/mcp/index.ts';
import { type CallReuse, type Reading, ResultCache, reuseOf } from '../../src/routing/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { CacheFigures } from '../telemetry/index.ts';
import { type Change, ChangeNotices } from './change-notices.ts';
import type { Job } from './job.ts';
import type { RouterParts } from './parts.ts';
import { resultIn, withId, withoutId } from './reply-bytes.ts';
import { type ReuseKeys, reuseKeysOf } from './reuse-key.ts';
import { votedCache } from './voted-cache.ts';

/** A write whose end nobody knows may still be going on: a call lasts no longer than this, as a rule. */
const UNSETTLED_MS = 60_000;
const ASKS_FOR_INPUT = Buffer.from('"input_required"');
const SAYS_HOW_LONG = Buffer.from('"ttlMs"');

type Work = () => Awaitable<BackendReply>;
type Parts = Pick<RouterParts, 'links' | 'policy' | 'clock' | 'catalogue' | 'hosting'>;

interface Flight {
  /** Of the request that is on its way. */
  readonly id: RpcId;
  readonly reading: Reading;
  readonly reply: Promise<BackendReply>;
}

interface Asked {
  readonly keys: ReuseKeys;
  readonly reuse: CallReuse;
  readonly maxTtlMs: number;
}

/**
 * Results of third parties' servers, given out again while they are good, and one call for all who ask the same at the same time. Only what an
 * operator's promise or the result itself lets be reused; never from one authorisation to another, unless the result says that it is
 * everybody's. It stands behind every check, at the node whose agent asks.
 */
export class Reuse {
  readonly #parts: Parts;
  readonly #cache = new ResultCache();
  readonly #flights = new Map<string, Flight>();
  readonly #counts = { hits: 0, coalesced: 0, misses: 0 };
  readonly #notices: ChangeNotices;
  readonly #maxTtlMs: () => number;
  readonly #undo: () => void;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#maxTtlMs = votedCache(parts.policy);
    this.#notices = new ChangeNotices(parts, {
      heard: (nodeId, change) => this.#heard(nodeId, change),
      lost: (nodeId) => this.#cache.forgetNode(nodeId),
    });
    this.#undo = parts.hosting.onChange((server) => this.#changed({ server }, ''));
  }

  get figures(): CacheFigures {
    return { ...this.#counts, entries: this.#cache.size, bytes: this.#cache.bytes };
  }

  answer(job: Job, work: Work): Awaitable<BackendReply> {
    const { service } = job;
    if (service === undefined || service.kind !== 'third_party') return work();
    const reuse = reuseOf(service.definition, job.request);
    if (reuse.writes === 'all') return this.#write(job, work);
    if (reuse.ttlMs === 0 && !reuse.saysItself) return work();
    if (job.side === 'serve') {
      this.#notices.asked(job.server, job.peer);
      return reuse.writes === 'no' ? work() : this.#write(job, work, job.target);
    }
    const maxTtlMs = this.#maxTtlMs();
    const keys = maxTtlMs === 0 ? undefined : reuseKeysOf(job, this.#parts.policy().root);
    if (keys === undefined) return reuse.writes === 'no' ? work() : this.#write(job, work, job.target);
    return this.#read(job, work, { keys, reuse, maxTtlMs });
  }

  /** A resource of this server was said to have changed. */
  resourceChanged(server: string): void {
    this.#changed({ server }, '');
  }

  close(): void {
    this.#undo();
    this.#notices.close();
  }

  #read(job: Job, work: Work, asked: Asked): Awaitable<BackendReply> {
    const { keys } = asked;
    const now = this.#parts.clock.now();
    const kept = this.#cache.find(keys.own, now) ?? this.#cache.find(keys.all, now);
    if (kept !== undefined) {
      this.#counts.hits += 1;
      return { body: withId(kept, job.request.id), outcome: 'ok', reason: 'cache: hit' };
    }
    const flight = this.#flights.get(keys.own);
    // One that began before something was written may find what was there before.
    if (flight !== undefined && this.#cache.isCurrent(flight.reading, now))
      return this.#follow(job, work, { asked, flight });
    return this.#lead(job, work, asked);
  }

  #lead(job: Job, work: Work, asked: Asked): Awaitable<BackendReply> {
    this.#counts.misses += 1;
    const { keys, reuse } = asked;
    const reading = this.#cache.begin(job.server);
    let working: Awaitable<BackendReply>;
    try {
      working = work();
    } catch (error) {
      this.#cache.end(reading);
      throw error;
    }
    if (!waits(working)) return this.#landed(job, working, { asked, reading });
    const reply = this.#whenDone(job, working, { asked, reading });
    // Until it is answered nobody knows whether a result that says for itself how long it is good is good for anybody else.
    if (reuse.ttlMs > 0) {
      const flight = { id: job.request.id, reading, reply };
      this.#flights.set(keys.own, flight);
      const over = (): void => {
        if (this.#flights.get(keys.own) === flight) this.#flights.delete(keys.own);
      };
      reply.then(over, over);
    }
    return reply;
  }

  async #whenDone(
    job: Job,
    working: Awaitable<BackendReply>,
    { asked, reading }: { readonly asked: Asked; readonly reading: Reading },
  ): Promise<BackendReply> {
    try {
      return this.#landed(job, await working, { asked, reading }, true);
    } finally {
      this.#cache.end(reading);
    }
  }

  #landed(
    job: Job,
    reply: BackendReply,
    { asked, reading }: { readonly asked: Asked; readonly reading: Reading },
    ends = false,
  ): BackendReply {
    const { keys, reuse } = asked;
    const nowMs = this.#parts.clock.now();
    const found = reply.outcome === 'ok' ? keepable(job, reply, asked) : undefined;
    if (found !== undefined) {
      const result = { body: found.body, untilMs: nowMs + found.ttlMs, target: job.target, nodeId: job.peer };
      this.#cache.keep(reading, found.isPublic ? keys.all : keys.own, { result, nowMs });
    }
    if (reuse.writes === 'others') this.#wrote(job, reply, job.target);
    if (!ends) this.#cache.end(reading);
    return reply;
  }

  /** Takes what another call of the same agent finds; what is good for that call alone is asked anew. */
  async #follow(
    job: Job,
    work: Work,
    { asked, flight }: { readonly asked: Asked; readonly flight: Flight },
  ): Promise<BackendReply> {
    const { signal } = job.context;
    const left = Promise.withResolvers<undefined>();
    const leave = (): void => left.resolve(undefined);
    signal.addEventListener('abort', leave, { once: true });
    try {
      const reply = signal.aborted
        ? undefined
        : await Promise.race([flight.reply.catch(() => undefined), left.promise]);
      if (signal.aborted) return givenUp(job);
      const rest = reply !== undefined && isForAll(reply) ? withoutId(reply.body, flight.id) : undefined;
      if (reply === undefined || rest === undefined) return await this.#read(job, work, asked);
      this.#counts.coalesced += 1;
      const { outcome } = reply;
      return {
        body: withId(rest, job.request.id),
        outcome,
        reason: outcome === 'ok' ? 'cache: coalesced' : reply.reason,
      };
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** `except`: what it answers about is as it answered. */
  #write(job: Job, work: Work, except?: string): Awaitable<BackendReply> {
    const reply = work();
    return after(
      reply,
      (done) => this.#wrote(job, done, except),
      (error: unknown) => {
        this.#wrote(job, undefined, except);
        throw error;
      },
    );
  }

  #wrote<Reply extends BackendReply | undefined>(job: Job, reply: Reply, except: string | undefined): Reply {
    if (reply?.notStarted === true) return reply;
    const unsettledMs = reply === undefined || reply.outcome === 'unknown' ? UNSETTLED_MS : undefined;
    this.#changed({ server: job.server, except, unsettledMs }, job.side === 'serve' ? job.peer : '');
    return reply;
  }

  #changed(change: Change, by: string): void {
    this.#drop(change);
    this.#notices.changed(change, by);
  }

  #heard(nodeId: string, change: Change): void {
    const serves = this.#parts
      .catalogue()
      .services.some(({ alias, replicas }) => alias === change.server && replicas.some((one) => one.nodeId === nodeId));
    if (serves) this.#drop(change);
  }

  #drop({ server, except, unsettledMs }: Change): void {
    const unsettled = unsettledMs === undefined ? {} : { unsettledUntilMs: this.#parts.clock.now() + unsettledMs };
    this.#cache.changed(server, { except, ...unsettled });
  }
}

/** What of a result may be kept, for how long and for whom; undefined: nothing. */
function keepable(
  { request, service }: Job,
  { body }: BackendReply,
  { reuse, maxTtlMs }: Asked,
): { readonly body: Uint8Array; readonly ttlMs: number; readonly isPublic: boolean } | undefined {
  if (asksForInput(body)) return undefined;
  const result = reuse.saysItself && bytesOf(body).includes(SAYS_HOW_LONG) ? resultIn(body) : undefined;
  const said = result?.['ttlMs'];
  const ttlMs = Math.min(typeof said === 'number' && said >= 0 ? said : reuse.ttlMs, maxTtlMs);
  const rest = ttlMs > 0 ? withoutId(body, request.id) : undefined;
  if (rest === undefined) return undefined;
  const isPublic = result?.['cacheScope'] === 'public' && service?.definition.promises?.perAgent !== true;
  return { body: rest, ttlMs, isPublic };
}

/** Whether a reply says as much to others as to the call that it answers. */
function isForAll({ outcome, reason, body }: BackendReply): boolean {
  if (outcome === 'ok') return !asksForInput(body);
  return (
    outcome === 'tool_error' || (outcome === 'failed' && reason !== 'DEADLINE_EXCEEDED' && reason !== 'OUTCOME_UNKNOWN')
  );
}

function asksForInput(body: Uint8Array): boolean {
  return bytesOf(body).includes(ASKS_FOR_INPUT);
}

function bytesOf(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function givenUp({ request, context }: Job): BackendReply {
  const isLate = context.signal.reason instanceof DOMException && context.signal.reason.name === 'TimeoutError';
  const problem = isLate
    ? ({ name: 'DEADLINE_EXCEEDED', message: 'the call that asks the same did not end in time' } as const)
    : ({ name: 'OUTCOME_UNKNOWN', message: 'the caller cancelled the call' } as const);
  return failure(request.id, problem, { notStarted: true });
}
