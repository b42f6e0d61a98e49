import { Later } from '../../src/kernel/index.ts';
import { type ClientAnswer, NO_ABILITIES } from '../../src/mcp/index.ts';
import { argumentsHash, targetOf } from './arguments-hash.ts';
import {
  type CallHeader,
  fitsCallHeader,
  MAX_CALL_HEADER_BYTES,
  readResultHeader,
  writeCallHeader,
} from './call-header.ts';
import { CallsByKey } from './calls-by-key.ts';
import { type Presented, PresentedDelegations } from './delegations.ts';
import type { Outbox } from './outbox.ts';
import { PendingCall } from './pending-call.ts';
import type { CallEnd, OutgoingCall, SessionPorts } from './ports.ts';
import { decodeQuestion, encode, QUESTION_HEAD_BYTES, questionHead, readQuestionId, refusal } from './questions.ts';
import { LIMITS, mcp, REFUSALS, type RefuseReason, TYPE } from './schema.ts';

/** The asking side of a session: calls in flight, by key. */
export class Calling {
  readonly #ports: SessionPorts;
  readonly #outbox: Outbox;
  readonly #maxInFlight: number;
  readonly #presented = new PresentedDelegations();
  readonly #pending = new CallsByKey<PendingCall>();
  /** Told when a call is given up, so that what of its result came already is let go. */
  readonly #onGivenUp: (key: number) => void;
  #lastKey = 0;

  constructor(ports: SessionPorts, outbox: Outbox, options: { maxInFlight: number; onGivenUp: (key: number) => void }) {
    this.#ports = ports;
    this.#outbox = outbox;
    this.#maxInFlight = options.maxInFlight;
    this.#onGivenUp = options.onGivenUp;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  get exhausted(): boolean {
    return this.#presented.exhausted;
  }

  has(key: number): boolean {
    return this.#pending.has(key);
  }

  call(call: OutgoingCall): Later<CallEnd> {
    const { cancellation } = call.context;
    const cancelled = cancellation === undefined ? call.context.signal.aborted : cancellation.cancelled;
    if (cancelled) return Later.of<CallEnd>({ kind: 'cancelled', sent: false });
    if (this.#pending.size >= this.#maxInFlight || this.#outbox.busy) {
      return Later.of<CallEnd>({ kind: 'unsent', because: 'busy' });
    }
    const key = this.#nextKey();
    const pending = new PendingCall(key, call, this.#giveUp);
    const unsent = this.#send(pending, false);
    if (unsent !== undefined) return Later.of(unsent);
    this.#pending.add(pending);
    pending.arm(this.#ports.deadlines);
    this.#outbox.sendFull();
    return pending.end;
  }

  onResult(key: number, bytes: Buffer, start: number, end: number): void {
    const pending = this.#pending.get(key);
    const { header, bodyAt } = readResultHeader(bytes, start, end);
    if (pending === undefined) return;
    // Spelled out, here and in the answer to it: a spread costs more than all of the header.
    const { outcome, reason, notStarted, receipt } = header;
    this.#settle(pending, { kind: 'result', outcome, reason, notStarted, receipt, body: keep(bytes, bodyAt, end) });
  }

  onRelated(key: number, bytes: Buffer, start: number, end: number): void {
    this.#pending.get(key)?.call.context.onRelated?.(keep(bytes, start, end));
  }

  /** The server asks the caller's client, or withdraws what it asked. Throws WireError. */
  onRequest(key: number, bytes: Buffer, start: number, end: number): void {
    const id = readQuestionId(bytes, start, end);
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    if (end - start === QUESTION_HEAD_BYTES) return pending.questions?.withdraw(id);
    const question = decodeQuestion(bytes, start, end);
    const { ask } = pending.call.context;
    const full = pending.questions?.full === true;
    const signal = pending.asked(id);
    const answering =
      full || ask === undefined || question === undefined
        ? Promise.resolve(unanswerable(full, question !== undefined))
        : ask(question, { signal });
    // It never rejects; were it to, the server is told no more than that.
    void answering
      .catch(() => refusal('INTERNAL_ERROR', 'the client could not be asked'))
      .then((answer) => {
        if (pending.questions?.finish(id) === true) this.#answer(key, id, answer);
      });
  }

  onRefuse(key: number, reason: number | undefined): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    const because: RefuseReason = REFUSALS[reason ?? -1] ?? 'malformed';
    const mayPresentAgain = because === 'unknown-delegation' || because === 'delegation-expired';
    if (mayPresentAgain && !pending.presentedAgain) {
      pending.presentedAgain = true;
      const unsent = this.#send(pending, true);
      if (unsent !== undefined) this.#settle(pending, unsent);
      return;
    }
    if (because === 'delegation-refused') this.#presented.doubt(pending.call.context.principal);
    this.#settle(pending, { kind: 'refused', because });
  }

  /** The peer is silent: what may be made elsewhere ends here, and is not run by a peer that wakes up. */
  leave(): void {
    for (const pending of this.#pending.all()) {
      // The end of one can be the end of others.
      if (!this.#pending.has(pending.key)) continue;
      // A question shows that it runs, and would be put to the client a second time.
      if (pending.questions !== undefined || pending.call.movable?.mayMove() !== true) continue;
      this.#settle(pending, { kind: 'silent', sent: this.#withdraw(pending) });
    }
  }

  /** The stream has ended. What was never handed to it is known not to have run. */
  end(): void {
    for (const pending of this.#pending.all()) {
      const end: CallEnd = this.#wasSent(pending) ? { kind: 'lost' } : { kind: 'unsent', because: 'closed' };
      this.#forget(pending);
      // Who hears of it may ask again at once: not before all around this stream know that it is over.
      queueMicrotask(() => pending.end.settle(end));
    }
  }

  /** Writes the call, its delegation before it where the peer has not got it; answers why it could not be written. */
  #send(pending: PendingCall, again: boolean): CallEnd | undefined {
    const { server, request, context } = pending.call;
    const remainingMs = Math.floor(context.deadlineAt - this.#ports.clock.now());
    if (remainingMs <= 0) return { kind: 'deadline', sent: false };
    const target = targetOf(request);
    if (!fitsCallHeader({ server, target, traceparent: context.traceparent })) return TOO_LARGE;
    const presented = this.#present(pending, again);
    if (presented === undefined) return { kind: 'unsent', because: 'no-delegation' };
    this.#write(pending, {
      era: context.era,
      delegation: presented.reference,
      remainingMs: Math.min(remainingMs, 0xffffffff),
      callId: context.callId,
      argumentsHash: context.argumentsHash ?? argumentsHash(context.callId, request),
      session: 0,
      client: mayBeAsked(context) ? (context.client ?? NO_ABILITIES) : NO_ABILITIES,
      logLevel: context.logLevel,
      server,
      target,
      traceparent: context.traceparent,
    });
    return pending.tooLarge ? TOO_LARGE : undefined;
  }

  #present(pending: PendingCall, again: boolean): Presented | undefined {
    const { principal } = pending.call.context;
    const delegation = this.#ports.delegationFor(principal);
    if (delegation === undefined || delegation.length > LIMITS.maxDelegationBytes) return undefined;
    let presented = this.#presented.get(principal);
    const stale = presented === undefined || presented.delegation !== delegation;
    // Of many calls refused together the first presents again; the others find that it has.
    if (presented === undefined || stale || (again && presented === pending.presented)) {
      presented = this.#presented.add(principal, delegation);
      const bound = 2 + delegation.length;
      const { into, at } = this.#outbox.reserve(bound);
      into.writeUInt16BE(presented.reference, at);
      this.#outbox.commit(TYPE.DELEGATE, 0, at + 2 + into.write(delegation, at + 2, 'latin1'));
    }
    pending.presented = presented;
    return presented;
  }

  #write(pending: PendingCall, header: CallHeader): void {
    const json = JSON.stringify(pending.call.request);
    // A UTF-16 unit is at most three bytes of UTF-8: what surely fits is written in place.
    if (json.length * 3 <= LIMITS.chunkBytes) {
      const { into, at } = this.#outbox.reserve(MAX_CALL_HEADER_BYTES + json.length * 3);
      pending.segment = this.#outbox.segment;
      const bodyAt = writeCallHeader(into, at, header);
      this.#outbox.commit(TYPE.CALL, pending.key, bodyAt + into.write(json, bodyAt));
      return;
    }
    const body = Buffer.from(json);
    if (body.length > mcp.maxMessageBytes) {
      pending.tooLarge = true;
      return;
    }
    const head = Buffer.allocUnsafe(MAX_CALL_HEADER_BYTES);
    const headEnd = writeCallHeader(head, 0, header);
    pending.chunked = true;
    this.#outbox.large(pending.key, { type: TYPE.CALL, key: pending.key, head: head.subarray(0, headEnd), body });
  }

  /** Ends a call from this side: by its deadline or its caller. */
  readonly #giveUp = (pending: PendingCall): void => {
    if (!this.#pending.has(pending.key)) return;
    const sent = this.#withdraw(pending);
    const late = this.#ports.clock.now() >= pending.call.context.deadlineAt;
    this.#settle(pending, { kind: late ? 'deadline' : 'cancelled', sent });
  };

  /** Tells the peer that nobody waits any more; answers whether it may have the whole of the call. */
  #withdraw(pending: PendingCall): boolean {
    // What is in the write buffer goes out, whatever comes behind it; only a message in chunks can still be stopped.
    const left = this.#outbox.drop(pending.key);
    const heard = pending.questions !== undefined;
    if (heard || left !== 'unsent') this.#outbox.small(TYPE.CANCEL, pending.key);
    this.#onGivenUp(pending.key);
    return heard || left === 'absent';
  }

  /** Whether the peer may have the whole of it. */
  #wasSent(pending: PendingCall): boolean {
    if (pending.questions !== undefined) return true;
    return pending.chunked ? this.#outbox.partOf(pending.key) === 'absent' : this.#outbox.wasSent(pending.segment);
  }

  #settle(pending: PendingCall, end: CallEnd): void {
    this.#forget(pending);
    pending.end.settle(end);
  }

  #forget(pending: PendingCall): void {
    this.#pending.delete(pending.key);
    if (pending.chunked || pending.questions !== undefined) this.#outbox.drop(pending.key);
    pending.disarm();
  }

  #answer(key: number, id: number, answer: ClientAnswer): void {
    const room = LIMITS.maxQueueBytes - this.#outbox.queuedBytes;
    const body = encode(answer, Math.min(mcp.maxMessageBytes, room)) ?? TOO_LARGE_AN_ANSWER;
    this.#outbox.message(key, { type: TYPE.REPLY, key, head: questionHead(id), body });
  }

  #nextKey(): number {
    do this.#lastKey = (this.#lastKey + 1) >>> 0;
    while (this.#pending.has(this.#lastKey));
    return this.#lastKey;
  }
}

const TOO_LARGE_AN_ANSWER = Buffer.from(JSON.stringify(refusal('TOO_LARGE', 'the answer is too large to be carried')));

/** In the stateless era it is not asked; what it could be asked is still told, for a server of the other era. */
function mayBeAsked({ era, ask }: OutgoingCall['context']): boolean {
  return era === 'stateless' || ask !== undefined;
}

function unanswerable(full: boolean, understood: boolean): ClientAnswer {
  if (!understood) return refusal('INVALID_REQUEST', 'not a request');
  return full
    ? refusal('RATE_LIMITED', `this call has ${LIMITS.maxQuestions} questions open`)
    : refusal('METHOD_NOT_FOUND', 'this client cannot be asked');
}

const TOO_LARGE: CallEnd = { kind: 'unsent', because: 'too-large' };

/** A small piece is copied, so that whoever keeps it does not keep all that arrived with it. */
function keep(bytes: Buffer, start: number, end: number): Buffer {
  const piece = bytes.subarray(start, end);
  return piece.length * 2 >= bytes.buffer.byteLength ? piece : Buffer.from(piece);
}
