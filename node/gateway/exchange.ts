import { after } from '../../src/kernel/index.ts';
import {
  abilitiesOf,
  type ClientAbilities,
  type Era,
  errorText,
  isLogLevel,
  isObject,
  isTraceparent,
  type LogLevel,
  META,
  type RpcRequest,
} from '../../src/mcp/index.ts';
import type { Cancellable, Cancellation } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Awaitable } from '../backends/backend.ts';
import type { Outlet } from './outlet.ts';
import type { RouterCall, RouterReply } from './router-port.ts';
import type { Session } from './session.ts';
import { withTracestate } from './trace-headers.ts';

/** Who asks, and from where. */
export interface Caller {
  readonly principal: Principal;
  readonly view: string | undefined;
  readonly sourceIp: string;
  readonly traceparent: string | undefined;
  /** Of the HTTP header, to go on with its traceparent. */
  readonly tracestate: string | undefined;
  /** As in RouterCall. */
  readonly toolsMode: RouterCall['toolsMode'];
}

/** One request on its way through the router, and the way back of its messages. Ends once: by reply, or by cancellation. */
export class Exchange implements RouterCall, Cancellation {
  listener: Cancellable | undefined;
  readonly request: RpcRequest;
  readonly principal: Principal;
  readonly era: Era;
  readonly view: string | undefined;
  readonly sourceIp: string;
  readonly sessionId: string | undefined;
  readonly traceparent: string | undefined;
  readonly client: ClientAbilities | undefined;
  readonly logLevel: LogLevel | undefined;
  readonly toolsMode: RouterCall['toolsMode'];
  readonly #outlet: Outlet;
  readonly #session: Session | undefined;
  #controller: AbortController | undefined;
  /** Aborts what is still asked of the client. */
  #asking: AbortController | undefined;
  #ended = false;
  #cancelled = false;
  #waited = false;

  /** `session` undefined: a request of the stateless era, which says everything itself. */
  constructor(request: RpcRequest, caller: Caller, options: { outlet: Outlet; session: Session | undefined }) {
    const { outlet, session } = options;
    const meta = request.params?.['_meta'];
    const said = isObject(meta) ? meta : NOTHING;
    this.principal = caller.principal;
    this.era = session === undefined ? 'stateless' : 'session';
    this.view = caller.view;
    this.sourceIp = caller.sourceIp;
    this.sessionId = session?.id;
    const { traceparent } = said;
    const itself = isTraceparent(traceparent);
    this.traceparent = itself ? traceparent : caller.traceparent;
    const { tracestate } = caller;
    this.request = itself || tracestate === undefined ? request : withTracestate(request, tracestate);
    this.client = session === undefined ? abilitiesOf(said[META.clientCapabilities]) : session.abilities;
    this.logLevel = session === undefined ? levelOf(said) : session.logLevel;
    this.toolsMode = caller.toolsMode;
    this.#outlet = outlet;
    this.#session = session;
  }

  /** Most calls are never cancelled, and many never look: the controller is made by the first look. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** It tells of its own cancellation. */
  get cancellation(): Cancellation {
    return this;
  }

  /** Answered or cancelled. */
  get ended(): boolean {
    return this.#ended;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  readonly onRelated = (message: Uint8Array): void => {
    if (!this.#ended) this.#outlet.related(message);
  };

  /** Where the client declared that it can be asked nothing, nothing is asked. */
  get ask(): RouterCall['ask'] {
    const session = this.#session;
    if (session === undefined || session.abilities.size === 0) return undefined;
    return (question, { signal }) => {
      this.#asking ??= new AbortController();
      if (this.#ended) this.#asking.abort();
      return session.questions.ask(question, {
        abilities: session.abilities,
        signal: AbortSignal.any([signal, this.#asking.signal]),
        send: (message) => this.#outlet.ask(message),
      });
    };
  }

  /** `letGo` is called when `handle` has let go of it, whatever the client has been told by then. */
  run(handle: (call: RouterCall) => Awaitable<RouterReply>, letGo?: () => void): void {
    const end = (reply: RouterReply): void => {
      this.#end(reply);
      letGo?.();
    };
    let reply: Awaitable<RouterReply>;
    try {
      reply = handle(this);
    } catch {
      reply = broken(this.request);
    }
    void after(reply, end, () => end(broken(this.request)));
  }

  /** Called every now and then while it runs. */
  linger(): void {
    if (this.#waited) this.#outlet.linger();
    this.#waited = true;
    if (!this.#outlet.abandoned) return;
    this.#asking?.abort();
    this.#asking = undefined; // a client that comes back after all can be asked again
  }

  /** The client no longer wants it: the work is told to stop, and no response follows. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelled = true;
    this.#controller?.abort();
    this.listener?.onCancel();
    this.#asking?.abort();
    this.#outlet.cancelled();
  }

  /** The node cannot see it to its end: the work is told to stop, and the client that how far it came is not known. */
  abandon(): void {
    if (this.#ended) return;
    const error = { name: 'OUTCOME_UNKNOWN', message: 'the node stopped before this was answered' } as const;
    this.#cancelled = true;
    this.#controller?.abort();
    this.listener?.onCancel();
    this.#end({ body: Buffer.from(errorText(this.request.id, error)), errorName: error.name });
  }

  #end(reply: RouterReply): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#asking?.abort();
    this.#outlet.reply(reply);
  }
}

const NOTHING: Readonly<Record<string, unknown>> = {};

function levelOf(meta: Readonly<Record<string, unknown>>): LogLevel | undefined {
  const level = meta[META.logLevel];
  return isLogLevel(level) ? level : undefined;
}

// The router promises never to reject; should it break that, the client still gets an answer.
function broken(request: RpcRequest): RouterReply {
  const error = { name: 'INTERNAL_ERROR', message: 'the node failed to answer' } as const;
  return { body: Buffer.from(errorText(request.id, error)), errorName: error.name };
}
