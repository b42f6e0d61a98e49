import { WireError } from '../wire/index.ts';
import { after, type Awaitable, waits } from '../../src/kernel/index.ts';
import type { ClientAnswer, ClientQuestion, RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { argumentsHash, targetOf } from './arguments-hash.ts';
import { type CallHeader, MAX_RESULT_HEADER_BYTES, readCallHeader, writeResultHeader } from './call-header.ts';
import { CallsByKey } from './calls-by-key.ts';
import { HeldDelegations } from './delegations.ts';
import type { Outbox } from './outbox.ts';
import type { RefusedCall, ServedReply, SessionPorts } from './ports.ts';
import { decodeAnswer, encode, questionHead, readQuestionId, refusal } from './questions.ts';
import { readRequest } from './read-request.ts';
import { type CallerSide, RunningCall } from './running-call.ts';
import { LIMITS, mcp, REFUSALS, type RefuseReason, TYPE } from './schema.ts';
import { SeenCalls } from './seen-calls.ts';

/** Replies and calls share key numbers; in the outbox the replies' ids lie above every key. */
const REPLY_ID = 2 ** 32;

/** The serving side of a session: what runs here for the peer, by its key. */
export class Serving {
  readonly #ports: SessionPorts;
  readonly #outbox: Outbox;
  readonly #peer: string;
  readonly #maxInFlight: number;
  readonly #delegations: HeldDelegations;
  readonly #seen: SeenCalls;
  readonly #running = new CallsByKey<RunningCall>();
  /** Told each time a call has ended here. */
  readonly #onEnded: (key: number) => void;
  draining = false;
  #ended = false;

  constructor(
    ports: SessionPorts,
    outbox: Outbox,
    options: { peer: string; maxInFlight: number; onEnded: (key: number) => void },
  ) {
    this.#ports = ports;
    this.#outbox = outbox;
    this.#peer = options.peer;
    this.#maxInFlight = options.maxInFlight;
    this.#onEnded = options.onEnded;
    this.#delegations = new HeldDelegations(ports.clock, ports.accept);
    this.#seen = new SeenCalls(ports.clock.now());
  }

  get inFlight(): number {
    return this.#running.size;
  }

  has(key: number): boolean {
    return this.#running.has(key);
  }

  forget(gone: (principal: Principal) => boolean): void {
    this.#delegations.forget(gone);
  }

  onDelegate(bytes: Buffer, start: number, end: number): void {
    const length = end - start - 2;
    if (length < 1 || length > LIMITS.maxDelegationBytes)
      throw new WireError('WIRE_MALFORMED', 'a delegation out of bounds');
    this.#delegations.present(bytes.readUInt16BE(start), bytes.toString('latin1', start + 2, end));
  }

  /** Whether a call may begin to arrive in chunks while `arriving` others do; a refusal has been sent if not. */
  admits(key: number, arriving: number): boolean {
    if (this.#running.has(key)) throw new WireError('WIRE_MALFORMED', 'a key that is in use');
    const because = this.#full(arriving);
    if (because !== undefined) this.#refuse(key, because, {});
    return because === undefined;
  }

  onCall(key: number, bytes: Buffer, start: number, end: number): void {
    if (this.#running.has(key)) throw new WireError('WIRE_MALFORMED', 'a key that is in use');
    const { header, bodyAt } = readCallHeader(bytes, start, end);
    const full = this.#full(0);
    if (full !== undefined) return this.#refuse(key, full, { ...header });
    const principal = this.#delegations.use(header.delegation);
    if (typeof principal === 'string') {
      return this.#refuse(key, principal, { ...header, ...this.#delegations.whyRefused(header.delegation) });
    }
    const refuse = (reason: RefuseReason, method?: string) =>
      this.#refuse(key, reason, { ...header, agentId: principal.agentId, method });
    if (header.remainingMs === 0) return refuse('deadline-passed');
    if (end - bodyAt > mcp.maxMessageBytes) return refuse('too-large');
    const request = readRequest(bytes, bodyAt, end);
    if (typeof request === 'string') return refuse(request);
    if (targetOf(request) !== header.target) return refuse('malformed');
    const { method } = request;
    if (argumentsHash(header.callId, request) !== header.argumentsHash) return refuse('hash-mismatch', method);
    if (!this.#seen.add(header.callId, this.#ports.clock.now())) return refuse('replayed', method);
    this.#run(key, header, { request, principal });
  }

  /** What the caller's client answered. Throws WireError. */
  onReply(key: number, bytes: Buffer, start: number, end: number): void {
    const id = readQuestionId(bytes, start, end);
    this.#running.get(key)?.questions.answered(id, decodeAnswer(bytes, start, end));
  }

  onCancel(key: number): void {
    this.#running.get(key)?.stop('cancelled');
    this.#outbox.drop(REPLY_ID + key);
  }

  /** The stream has ended: nobody waits for what runs here. */
  end(): void {
    this.#ended = true;
    for (const running of this.#running.all()) running.stop('gone');
  }

  #full(arriving: number): RefuseReason | undefined {
    if (this.draining) return 'draining';
    return this.#running.size + arriving >= this.#maxInFlight || this.#outbox.busy ? 'busy' : undefined;
  }

  /** A call that is answered at once is never among those that run. */
  #run(key: number, header: CallHeader, { request, principal }: { request: RpcRequest; principal: Principal }): void {
    const deadlineAt = this.#ports.clock.now() + header.remainingMs;
    const { deadlines } = this.#ports;
    const running = new RunningCall(key, header, { principal, deadlineAt, deadlines, caller: this.#caller });
    const { server, target } = header;
    const asked = { peer: this.#peer, server, target, request, argumentsHash: header.argumentsHash, context: running };
    let reply: Awaitable<ServedReply>;
    try {
      reply = this.#ports.serve(asked);
    } catch (error) {
      reply = this.#fault(error);
    }
    if (!waits(reply)) return this.#done(running, reply);
    this.#running.add(running);
    void after(
      reply,
      (ended) => this.#done(running, ended),
      (error) => this.#done(running, this.#fault(error)),
    );
  }

  #done(running: RunningCall, reply: ServedReply): void {
    running.done();
    this.#running.delete(running.key);
    if (!this.#ended && !running.unwanted) this.#reply(running.key, reply);
    this.#onEnded(running.key);
  }

  #fault(error: unknown): ServedReply {
    this.#ports.onFault(error);
    return { body: NOTHING, outcome: 'failed', reason: 'INTERNAL_ERROR' };
  }

  readonly #caller: CallerSide = {
    related: (running, message) => this.#related(running, message),
    ask: (running, question, signal) => this.#ask(running, { question, signal }),
  };

  #related(running: RunningCall, message: Uint8Array): void {
    // A peer too slow to take its progress loses some of it, never the result.
    if (running.over || this.#ended || this.#outbox.busy || message.length > mcp.maxMessageBytes) return;
    const { key } = running;
    this.#outbox.message(REPLY_ID + key, { type: TYPE.RELATED, key, head: NOTHING, body: message });
  }

  #ask(
    running: RunningCall,
    { question, signal }: { question: ClientQuestion; signal: AbortSignal },
  ): Promise<ClientAnswer> {
    const refused = (answer: ClientAnswer) => Promise.resolve(answer);
    if (running.over || running.signal.aborted || signal.aborted) return refused(OVER);
    if (running.questions.full) return refused(refusal('RATE_LIMITED', 'too many questions are open in this call'));
    const body = this.#outbox.busy ? undefined : encode(question, mcp.maxMessageBytes);
    if (body === undefined) return refused(refusal('TOO_LARGE', 'the question could not be carried to its client'));
    const { key } = running;
    const send = (id: number, of: Uint8Array) =>
      this.#outbox.message(REPLY_ID + key, { type: TYPE.REQUEST, key, head: questionHead(id), body: of });
    return running.questions.add(signal, {
      send: (id) => send(id, body),
      withdraw: (id) => send(id, NOTHING),
    });
  }

  #reply(key: number, reply: ServedReply): void {
    const tooLarge = reply.body.length > mcp.maxMessageBytes;
    const noRoom = this.#outbox.queuedBytes + reply.body.length > LIMITS.maxQueueBytes;
    const body = tooLarge || noRoom ? NOTHING : reply.body;
    // It has run, yet the caller will not see what came of it.
    const { outcome, reason, notStarted = false, receipt } = reply;
    const header = tooLarge || noRoom ? { ...UNSEEN, receipt } : { outcome, reason, notStarted, receipt };
    const id = REPLY_ID + key;
    if (body.length <= LIMITS.chunkBytes && !this.#outbox.follows(id)) {
      const { into, at } = this.#outbox.reserve(MAX_RESULT_HEADER_BYTES + body.length);
      const bodyAt = writeResultHeader(into, at, header);
      into.set(body, bodyAt);
      this.#outbox.commit(TYPE.RESULT, key, bodyAt + body.length);
      return;
    }
    const head = Buffer.allocUnsafe(MAX_RESULT_HEADER_BYTES);
    const headEnd = writeResultHeader(head, 0, header);
    this.#outbox.large(id, { type: TYPE.RESULT, key, head: head.subarray(0, headEnd), body });
  }

  #refuse(key: number, reason: RefuseReason, about: Omit<RefusedCall, 'reason'>): void {
    const { into, at } = this.#outbox.reserve(1);
    into[at] = REFUSALS.indexOf(reason);
    this.#outbox.commit(TYPE.REFUSE, key, at + 1);
    const { because, agentId, callId, method, server, target } = about;
    this.#ports.onRefused({ reason, because, agentId, callId, method, server, target });
  }
}

const NOTHING = Buffer.alloc(0);
const OVER = refusal('INTERNAL_ERROR', 'the call is over');
const UNSEEN = { outcome: 'unknown', reason: 'TOO_LARGE', notStarted: false } as const;
