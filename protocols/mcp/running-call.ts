import type { ClientAbilities, ClientAnswer, ClientQuestion, LogLevel } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { CallHeader } from './call-header.ts';
import type { CallContext, Deadlines, Expiring } from './ports.ts';
import { AskedQuestions } from './questions.ts';
import type { CallEra } from './schema.ts';

/** What a running call sends to its caller before its reply. */
export interface CallerSide {
  related(running: RunningCall, message: Uint8Array): void;
  ask(running: RunningCall, question: ClientQuestion, signal: AbortSignal): Promise<ClientAnswer>;
}

/**
 * A call that runs here for a peer, and what stops it: its deadline, its caller, or the end of the stream. Its signal, its place among
 * the deadlines and its ways to the caller are made when something first asks for them: most calls are answered at once.
 */
export class RunningCall implements CallContext, Expiring {
  readonly key: number;
  readonly principal: Principal;
  readonly era: CallEra;
  readonly callId: Uint8Array;
  readonly deadlineAt: number;
  readonly client: ClientAbilities;
  readonly logLevel: LogLevel | undefined;
  readonly traceparent: string | undefined;
  readonly argumentsHash: string;
  over = false;
  /** The caller waits no longer: no reply is sent. */
  unwanted = false;
  readonly #caller: CallerSide;
  readonly #deadlines: Deadlines;
  #controller: AbortController | undefined;
  #deadline: { cancel(): void } | undefined;
  #stopped: StopReason | undefined;
  #questions: AskedQuestions | undefined;

  constructor(
    key: number,
    header: CallHeader,
    made: {
      readonly principal: Principal;
      readonly deadlineAt: number;
      readonly deadlines: Deadlines;
      readonly caller: CallerSide;
    },
  ) {
    this.key = key;
    this.principal = made.principal;
    this.era = header.era;
    this.callId = header.callId;
    this.deadlineAt = made.deadlineAt;
    this.client = header.client;
    this.logLevel = header.logLevel;
    this.traceparent = header.traceparent;
    this.argumentsHash = header.argumentsHash;
    this.#caller = made.caller;
    this.#deadlines = made.deadlines;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#armed();
    return this.#controller.signal;
  }

  get onRelated(): (message: Uint8Array) => void {
    return (message) => this.#caller.related(this, message);
  }

  get ask(): CallContext['ask'] {
    if (this.era !== 'session' || this.client.size === 0) return undefined;
    return (question, { signal }) => this.#caller.ask(this, question, signal);
  }

  get questions(): AskedQuestions {
    this.#questions ??= new AskedQuestions();
    return this.#questions;
  }

  stop(because: StopReason): void {
    if (because !== 'deadline') this.unwanted = true;
    this.#stopped ??= because;
    this.#questions?.close();
    this.#controller?.abort(because);
  }

  onDeadline(): void {
    this.stop('deadline');
  }

  done(): void {
    this.over = true;
    this.#questions?.close();
    this.#deadline?.cancel();
  }

  #armed(): AbortController {
    const controller = new AbortController();
    if (this.#stopped !== undefined) controller.abort(this.#stopped);
    else if (!this.over) this.#deadline = this.#deadlines.add(this.deadlineAt, this);
    return controller;
  }
}

type StopReason = 'cancelled' | 'gone' | 'deadline';
