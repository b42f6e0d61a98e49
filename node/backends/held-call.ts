import { parseExactJson, utf8 } from '../../src/kernel/index.ts';
import {
  type ClientAbilities,
  type ClientAnswer,
  type ClientQuestion,
  ERRORS,
  type ErrorName,
  isObject,
  type LogLevel,
  missingCapability,
  NO_ABILITIES,
  type RpcError,
  type RpcRequest,
  statelessQuestion,
} from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { BackendContext, BackendReply, Era } from './backend.ts';
import { serverError, success } from './reply.ts';

const MAX_QUESTIONS = 8;
/** How long an agent may take to come back where others wait for the server meanwhile. */
const YIELDS_MS = 15_000;

/** One request of the agent that waits for the held call's next word. */
interface Turn {
  readonly request: RpcRequest;
  readonly context: BackendContext;
  readonly deadlineAt: number;
  readonly resolve: (reply: BackendReply) => void;
}

interface Asked {
  readonly question: ClientQuestion;
  readonly answer: (answer: ClientAnswer) => void;
}

export interface HeldCallOptions {
  /** How long each request may take at this server, in milliseconds. */
  readonly limitMs: number;
  /** Whether there is room to hold one more call; it takes that room. */
  readonly admit: (call: HeldCall) => boolean;
  /** Nobody can come back to it any more. */
  readonly forget: (call: HeldCall) => void;
  readonly mint: (call: HeldCall) => string;
  readonly yieldsMs?: number | undefined;
}

/**
 * A call of an agent without a session, on a server that has one and may ask in the midst of it: for the server it is one call,
 * for the agent a request that is answered `input_required`, and another with the answers, until the end. It stands as the
 * context of the call: its deadline and where related messages go are those of the request that waits at the time.
 */
export class HeldCall implements BackendContext {
  readonly principal: Principal;
  readonly era: Era = 'stateless';
  readonly callId: Uint8Array;
  readonly traceparent: string | undefined;
  readonly #options: HeldCallOptions;
  readonly #first: RpcRequest;
  readonly #holdMs: number;
  readonly #abort = new AbortController();
  readonly #questions = new Map<string, Asked>();
  #client: ClientAbilities | undefined;
  #turn: Turn | undefined;
  #heldUntil = 0;
  #parkedAt = 0;
  #waitedFor = false;
  #round = 0;
  #asked = 0;
  #held = false;
  #flushing = false;
  #ended: BackendReply | undefined;
  #lacking: RpcError | undefined;

  constructor(request: RpcRequest, context: BackendContext, options: HeldCallOptions) {
    this.principal = context.principal;
    this.callId = context.callId;
    this.traceparent = context.traceparent;
    this.#first = request;
    this.#options = options;
    // The agent gets as long to answer as it gave the call.
    this.#holdMs = context.deadlineAt - performance.now();
  }

  get round(): number {
    return this.#round;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get deadlineAt(): number {
    return this.#turn?.deadlineAt ?? this.#heldUntil;
  }

  get client(): ClientAbilities | undefined {
    return this.#client;
  }

  get logLevel(): LogLevel | undefined {
    return this.#turn?.context.logLevel;
  }

  /** Whether a request of the agent waits for it now. */
  get attended(): boolean {
    return this.#turn !== undefined;
  }

  /** Begins the call; answers the agent's first request. `perform` never rejects. */
  start(context: BackendContext, perform: (context: BackendContext) => Promise<BackendReply>): Promise<BackendReply> {
    const replied = this.#attend(this.#first, context);
    void perform(this).then((reply) => this.#end(reply));
    return replied;
  }

  /** Goes on with what the agent's client answered: by question, a result each. */
  resume(
    request: RpcRequest,
    context: BackendContext,
    responses: Readonly<Record<string, unknown>>,
  ): Promise<BackendReply> {
    const replied = this.#attend(request, context);
    for (const [key, { answer }] of this.#questions) {
      const result = Object.hasOwn(responses, key) ? responses[key] : undefined;
      if (isObject(result)) answer({ result });
    }
    if (this.#ended !== undefined) this.#end(this.#ended);
    else if (this.#questions.size > 0) this.#flushSoon(); // what was left unanswered is asked again
    return replied;
  }

  /** Other calls wait until this one ends: an agent that does not come back soon has left it. */
  waitedFor(): void {
    this.#waitedFor = true;
    if (!this.attended) this.#heldUntil = Math.min(this.#heldUntil, this.#yieldsAt());
  }

  /** Nobody came back in time. */
  expired(): void {
    this.#stop('the agent did not come back');
  }

  readonly ask = (question: ClientQuestion, { signal }: { signal: AbortSignal }): Promise<ClientAnswer> => {
    if (this.#abort.signal.aborted || signal.aborted) return Promise.resolve(OVER);
    if (this.#questions.size >= MAX_QUESTIONS) return Promise.resolve(no('RATE_LIMITED', 'too many open questions'));
    this.#held ||= this.#options.admit(this);
    if (!this.#held) return Promise.resolve(no('RATE_LIMITED', 'too many calls wait for their agents already'));
    const key = `question-${++this.#asked}`;
    return new Promise((resolve) => {
      const withdrawn = (): void => answer(OVER);
      const answer = (said: ClientAnswer): void => {
        this.#questions.delete(key);
        signal.removeEventListener('abort', withdrawn);
        resolve(said);
      };
      signal.addEventListener('abort', withdrawn, { once: true });
      this.#questions.set(key, { question, answer });
      this.#flushSoon();
    });
  };

  readonly onUnaskable = (question: ClientQuestion): void => {
    this.#lacking ??= missingCapability(question, this.#client ?? NO_ABILITIES);
  };

  readonly onRelated = (message: Uint8Array): void => {
    const { request, context } = this.#turn ?? {};
    if (context?.onRelated === undefined) return;
    const related = request === this.#first ? message : withToken(message, tokenOf(request));
    if (related !== undefined) context.onRelated(related);
  };

  #attend(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    this.#client = context.client;
    const deadlineAt = Math.min(context.deadlineAt, performance.now() + this.#options.limitMs);
    context.signal.addEventListener('abort', this.#aborted);
    const replied = new Promise<BackendReply>((resolve) => {
      this.#turn = { request, context, deadlineAt, resolve };
    });
    if (context.signal.aborted) this.#aborted();
    return replied;
  }

  readonly #aborted = (): void => this.#stop('the caller no longer waits');

  /** The exchange with the server ends by the signal, and with it this call. */
  #stop(because: string): void {
    this.#abort.abort(because);
    for (const { answer } of [...this.#questions.values()]) answer(OVER);
    if (!this.attended) this.#options.forget(this);
  }

  /** Questions asked in one breath are put to the agent together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.attended && this.#questions.size > 0 && this.#ended === undefined) this.#park();
    });
  }

  #yieldsAt(): number {
    return this.#parkedAt + (this.#options.yieldsMs ?? YIELDS_MS);
  }

  #park(): void {
    this.#round += 1;
    this.#parkedAt = performance.now();
    const heldUntil = this.#parkedAt + this.#holdMs;
    this.#heldUntil = this.#waitedFor ? Math.min(heldUntil, this.#yieldsAt()) : heldUntil;
    const inputRequests = Object.fromEntries(
      [...this.#questions].map(([key, { question }]) => [key, statelessQuestion(question)]),
    );
    const result = { resultType: 'input_required', inputRequests, requestState: this.#options.mint(this) };
    this.#reply((request) => success(request.id, result));
  }

  #end(ended: BackendReply): void {
    // A server with sessions fails in words of its own when its question is refused; without sessions there is one way to say it.
    const lacking = ended.outcome === 'failed' ? this.#lacking : undefined;
    const reply = lacking === undefined ? ended : serverError(this.#first.id, lacking);
    this.#ended = reply;
    // An agent that is still to come back for it finds it until the time is over.
    if (!this.attended && !this.#abort.signal.aborted) return;
    this.#options.forget(this);
    this.#reply((request) =>
      request.id === this.#first.id ? reply : { ...reply, body: withId(reply.body, request.id) },
    );
  }

  #reply(replyTo: (request: RpcRequest) => BackendReply): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    this.#turn = undefined;
    turn.context.signal.removeEventListener('abort', this.#aborted);
    turn.resolve(replyTo(turn.request));
  }
}

function tokenOf(request: RpcRequest | undefined): unknown {
  const meta = request?.params?.['_meta'];
  return isObject(meta) ? meta['progressToken'] : undefined;
}

/** A related message with the token of the request that waits now; undefined when that asked for no progress. */
function withToken(message: Uint8Array, progressToken: unknown): Uint8Array | undefined {
  const said = JSON.parse(Buffer.from(message).toString('utf8')) as { method?: unknown; params?: object };
  if (said.method !== 'notifications/progress') return message;
  return progressToken === undefined
    ? undefined
    : utf8(JSON.stringify({ ...said, params: { ...said.params, progressToken } }));
}

/** A reply was made for the first request; each of them has an id of its own. */
function withId(body: Uint8Array, id: RpcRequest['id']): Uint8Array {
  return utf8(JSON.stringify({ ...(parseExactJson(Buffer.from(body).toString('utf8')) as object), id }));
}

function no(name: ErrorName, message: string): ClientAnswer {
  return { error: { code: ERRORS[name].code, message } };
}
const OVER = no('INTERNAL_ERROR', 'the call ended before its client answered');
