import { exactCanonicalJson, sha256Hex, utf8 } from '../../src/kernel/index.ts';
import { errorText, isObject, type RpcId, type RpcRequest } from '../../src/mcp/index.ts';
import { OnceBook } from '../../src/routing/index.ts';
import type { Awaitable, BackendReply } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { Job } from './job.ts';
import type { KeptCall, KeyedEnd, OnceLog } from './once-log.ts';
import type { RouterParts } from './parts.ts';
import { withId, withoutId } from './reply-bytes.ts';
import { broughtBy } from './threat-records.ts';

/** Under which an agent names a call of its own, so that it runs once however often it is sent. */
const ONCE_KEY = 'village/idempotency-key';
const MAX_KEY = 128;

type Parts = Pick<RouterParts, 'clock' | 'reporter' | 'once'>;

/**
 * A call that carries a key of its agent's making runs once within ten minutes: who sends it again is given what came of it. Where that is
 * not known here, the node that may have run it is asked, and no other; only what never began runs when it comes again. Both ends of a hop
 * remember, so a call that comes by way of another node is known as well where it is served. What they remember is on disk before the
 * call begins and before it is answered: of one that a crash interrupted the end is not known, and it is not made again.
 */
export class OnlyOnce {
  readonly #book: OnceBook<KeyedEnd | undefined>;
  readonly #clock: Parts['clock'];
  readonly #reporter: Parts['reporter'];
  readonly #log: OnceLog | undefined;

  constructor({ clock, reporter, once: log }: Parts) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#log = log;
    this.#book = new OnceBook((agentId, key) => log?.forget({ agentId, key }));
    for (const call of log?.takeKept() ?? []) this.#remember(call, log?.wallMs() ?? 0);
  }

  answer(job: Job, work: () => Awaitable<BackendReply>): Awaitable<BackendReply> {
    const key = onceKeyOf(job.request);
    if (key === undefined) return work();
    if (typeof key !== 'string' || key === '' || key.length > MAX_KEY) {
      const message = `params._meta["${ONCE_KEY}"] must be a text of 1 to ${MAX_KEY} characters`;
      return failure(job.request.id, { name: 'INVALID_PARAMS', message });
    }
    return this.#once(job, key, work);
  }

  #remember({ agentId, key, digest, atMs, by = '', end = INTERRUPTED }: KeptCall, wallMs: number): void {
    const ageMs = Math.max(0, wallMs - atMs); // a wall clock may have been set back
    const result = Promise.resolve(end);
    const kept = this.#book.begin(agentId, key, { by, digest, result });
    kept?.ended(end.reply.body.length, this.#clock.now() - ageMs);
  }

  async #once(job: Job, key: string, work: () => Awaitable<BackendReply>): Promise<BackendReply> {
    const { agentId } = job.context.principal;
    const digest = digestOf(job);
    for (;;) {
      const known = this.#book.find(agentId, key, this.#clock.now());
      if (known === undefined) return this.#first(job, key, { digest, work });
      if (known.digest !== digest) return otherCall(job);
      const ended = await unlessGivenUp(known.result, job.context.signal);
      if (ended === 'given-up') return givenUp(job);
      if (ended === undefined) continue; // it never began: whoever finds that first begins it now
      if (ended.reply.outcome !== 'unknown' || ended.peer === '' || job.side === 'serve') return again(job, ended);
      job.only = ended.peer;
      return this.#first(job, key, { digest, work, before: ended });
    }
  }

  /** `before`: of a time when it may have run. That it does not begin now says nothing of that. */
  async #first(
    job: Job,
    key: string,
    { digest, work, before }: { digest: string; work: () => Awaitable<BackendReply>; before?: KeyedEnd },
  ): Promise<BackendReply> {
    const { promise, resolve } = Promise.withResolvers<KeyedEnd | undefined>();
    const { agentId } = job.context.principal;
    const by = broughtBy(job);
    const kept = this.#book.begin(agentId, key, { by, digest, result: promise });
    if (kept === undefined) return full(job);
    const call = { agentId, key, digest, by, atMs: this.#log?.wallMs() ?? 0 };
    const ended = (end: KeyedEnd): boolean => kept.ended(end.reply.body.length, this.#clock.now());
    const neverBegan = (): void => {
      if (before === undefined) kept.forget();
      else ended(before);
      resolve(before);
    };
    if (!(await this.#isOnDisk(job, this.#log?.begun(call)))) {
      neverBegan();
      return before === undefined ? unwritable(job) : again(job, before);
    }
    try {
      const found = await work();
      const began = found.notStarted !== true && found.outcome !== 'denied';
      const end = began ? { reply: found, id: job.request.id, peer: job.peer } : before;
      if (end === undefined) {
        neverBegan();
        return found;
      }
      // Should the disk refuse it, the call is known to have begun, and is not made again.
      if (ended(end)) await this.#isOnDisk(job, this.#log?.ended(call, end));
      resolve(end);
      return began ? found : again(job, end);
    } catch (error) {
      const unknown = before ?? { reply: unknownEnd(job), id: job.request.id, peer: job.peer };
      ended(unknown);
      resolve(unknown);
      throw error;
    }
  }

  /** False: the disk refused it, or the caller gave up waiting for it. */
  async #isOnDisk(job: Job, writing: Promise<void> | undefined): Promise<boolean> {
    if (writing === undefined) return true;
    try {
      return (await unlessGivenUp(writing, job.context.signal)) !== 'given-up';
    } catch (error) {
      this.#reporter.report('background.failed', { area: 'idempotency keys', error });
      return false;
    }
  }
}

/** Of a call that was under way when an earlier process ended; the id is no request's. */
const INTERRUPTED: KeyedEnd = { reply: lostEnd(0), id: 0, peer: '' };

function onceKeyOf({ method, params }: RpcRequest): unknown {
  const meta = method === 'tools/call' ? params?.['_meta'] : undefined;
  return isObject(meta) ? meta[ONCE_KEY] : undefined;
}

/** Tells calls apart that share a key. A continuation of a call (`requestState`) is another one. */
function digestOf({ server, request: { params } }: Job): string {
  const { _meta: _, ...asked } = params ?? {};
  try {
    return sha256Hex(exactCanonicalJson([server, asked]));
  } catch {
    return sha256Hex(JSON.stringify([server, asked])); // a lone surrogate: no canonical form
  }
}

function again(job: Job, { reply, id, peer }: KeyedEnd): BackendReply {
  if (job.side === 'call') job.peer = peer; // whoever asks for it now may be another than who asked first
  const { outcome, reason } = reply;
  const rest = withoutId(reply.body, id);
  if (rest === undefined) return unknownEnd(job);
  return { body: withId(rest, job.request.id), outcome, reason: outcome === 'ok' ? 'once: told again' : reason };
}

function otherCall({ request }: Job): BackendReply {
  const message = `params._meta["${ONCE_KEY}"] was used for another call`;
  return {
    body: utf8(errorText(request.id, { name: 'INVALID_PARAMS', message })),
    outcome: 'failed',
    reason: 'once: other call',
  };
}

function unknownEnd({ request }: Job): BackendReply {
  return lostEnd(request.id);
}

function lostEnd(id: RpcId): BackendReply {
  const message = 'it may have run, and what came of it is not known';
  return failure(id, { name: 'OUTCOME_UNKNOWN', message }, { outcome: 'unknown' });
}

function full({ request }: Job): BackendReply {
  const message = 'too many calls with idempotency keys are under way here, so this one was not begun';
  return failure(request.id, { name: 'RATE_LIMITED', message }, { notStarted: true, retryAfterMs: 1_000 });
}

function unwritable({ request }: Job): BackendReply {
  const message = 'the disk of this node did not take the idempotency key, so nothing was begun';
  return failure(request.id, { name: 'NO_HEALTHY_SERVER', message }, { notStarted: true });
}

function givenUp({ request }: Job): BackendReply {
  const message = 'the caller stopped waiting; the call that it sent before goes on';
  return failure(request.id, { name: 'OUTCOME_UNKNOWN', message }, { outcome: 'unknown' });
}

async function unlessGivenUp<T>(result: Promise<T>, signal: AbortSignal): Promise<T | 'given-up'> {
  if (signal.aborted) return 'given-up';
  const left = Promise.withResolvers<'given-up'>();
  const leave = (): void => left.resolve('given-up');
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([result, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
