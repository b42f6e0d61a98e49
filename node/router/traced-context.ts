import type { BackendContext } from '../backends/backend.ts';

/** A call's context, with another span for what is done in it to hang from. */
export class TracedContext implements BackendContext {
  readonly principal: BackendContext['principal'];
  readonly era: BackendContext['era'];
  readonly callId: Uint8Array;
  readonly deadlineAt: number;
  readonly onRelated: BackendContext['onRelated'];
  readonly client: BackendContext['client'];
  readonly ask: BackendContext['ask'];
  readonly onUnaskable: BackendContext['onUnaskable'];
  readonly logLevel: BackendContext['logLevel'];
  readonly argumentsHash: string | undefined;
  readonly traceparent: string;
  readonly #of: BackendContext;

  constructor(of: BackendContext & { readonly argumentsHash?: string | undefined }, traceparent: string) {
    this.principal = of.principal;
    this.era = of.era;
    this.callId = of.callId;
    this.deadlineAt = of.deadlineAt;
    this.onRelated = of.onRelated;
    this.client = of.client;
    this.ask = of.ask;
    this.onUnaskable = of.onUnaskable;
    this.logLevel = of.logLevel;
    this.argumentsHash = of.argumentsHash;
    this.traceparent = traceparent;
    this.#of = of;
  }

  /** Made by the first look at it. */
  get signal(): AbortSignal {
    return this.#of.signal;
  }

  get cancellation(): BackendContext['cancellation'] {
    return this.#of.cancellation;
  }
}
