import { type Era, errorText, isObject, type RpcRequest } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Outlet } from './outlet.ts';
import type { RouterCall, RouterPort, RouterReply } from './router-port.ts';

/** Who asks, and from where. */
export interface Caller {
  readonly principal: Principal;
  readonly view: string | undefined;
  readonly sourceIp: string;
  readonly traceparent: string | undefined;
}

/** One request on its way through the router, and the way back of its messages. Ends once: by reply, or by cancellation. */
export class Exchange implements RouterCall {
  readonly request: RpcRequest;
  readonly principal: Principal;
  readonly era: Era;
  readonly view: string | undefined;
  readonly sourceIp: string;
  readonly sessionId: string | undefined;
  readonly traceparent: string | undefined;
  readonly #outlet: Outlet;
  #controller: AbortController | undefined;
  #ended = false;
  #cancelled = false;

  constructor(
    request: RpcRequest,
    caller: Caller,
    options: { era: Era; outlet: Outlet; sessionId?: string | undefined },
  ) {
    this.request = request;
    this.principal = caller.principal;
    this.era = options.era;
    this.view = caller.view;
    this.sourceIp = caller.sourceIp;
    this.sessionId = options.sessionId;
    this.traceparent = traceOf(request) ?? caller.traceparent;
    this.#outlet = options.outlet;
  }

  /** Most calls are never cancelled, and many never look: the controller is made by the first look. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  readonly onRelated = (message: Uint8Array): void => {
    if (!this.#ended) this.#outlet.related(message);
  };

  /** Resolves when the router has let go of it, whatever the client has been told by then. */
  async run(router: RouterPort): Promise<void> {
    this.#end(await router.handle(this).catch(() => broken(this.request)));
  }

  /** The client no longer wants it: the work is told to stop, and no response follows. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelled = true;
    this.#controller?.abort();
    this.#outlet.cancelled();
  }

  /** The node cannot see it to its end: the work is told to stop, and the client that how far it came is not known. */
  abandon(): void {
    if (this.#ended) return;
    const error = { name: 'OUTCOME_UNKNOWN', message: 'the node stopped before this was answered' } as const;
    this.#cancelled = true;
    this.#controller?.abort();
    this.#end({ body: Buffer.from(errorText(this.request.id, error)), errorName: error.name });
  }

  #end(reply: RouterReply): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outlet.reply(reply);
  }
}

function traceOf(request: RpcRequest): string | undefined {
  const meta = request.params?.['_meta'];
  const trace = isObject(meta) ? meta['traceparent'] : undefined;
  return typeof trace === 'string' && trace.length <= 64 ? trace : undefined;
}

// The router promises never to reject; should it break that, the client still gets an answer.
function broken(request: RpcRequest): RouterReply {
  const error = { name: 'INTERNAL_ERROR', message: 'the node failed to answer' } as const;
  return { body: Buffer.from(errorText(request.id, error)), errorName: error.name };
}
