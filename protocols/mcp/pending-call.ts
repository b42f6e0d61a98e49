import { Later } from '../../src/kernel/index.ts';
import type { Presented } from './delegations.ts';
import type { Cancellable, CallEnd, Deadlines, Expiring, OutgoingCall } from './ports.ts';
import { OpenQuestions } from './questions.ts';

/** One call waiting for its end. It listens for its own deadline and its caller's signal, without a closure for either. */
export class PendingCall implements Expiring, Cancellable {
  readonly key: number;
  readonly call: OutgoingCall;
  readonly end = new Later<CallEnd>();
  /** The write that carries it, where it went in one frame. */
  segment = 0;
  chunked = false;
  tooLarge = false;
  presented: Presented | undefined;
  presentedAgain = false;
  /** There since the first question came, which proves that the whole call arrived. */
  questions: OpenQuestions | undefined;
  readonly #giveUp: (pending: PendingCall) => void;
  #deadline: { cancel(): void } | undefined;

  constructor(key: number, call: OutgoingCall, giveUp: (pending: PendingCall) => void) {
    this.key = key;
    this.call = call;
    this.#giveUp = giveUp;
  }

  arm(deadlines: Deadlines): void {
    this.#deadline = deadlines.add(this.call.context.deadlineAt, this);
    const { cancellation } = this.call.context;
    if (cancellation === undefined) this.call.context.signal.addEventListener('abort', this);
    else cancellation.listener = this;
  }

  /** It ended, whoever hears of it when: nothing gives it up any more. */
  disarm(): void {
    this.#deadline?.cancel();
    const { cancellation } = this.call.context;
    if (cancellation === undefined) this.call.context.signal.removeEventListener('abort', this);
    else if (cancellation.listener === this) cancellation.listener = undefined;
    this.questions?.close();
  }

  /** Takes question `id` in. Throws WireError when it is open already. */
  asked(id: number): AbortSignal {
    this.questions ??= new OpenQuestions();
    return this.questions.begin(id);
  }

  onDeadline(): void {
    this.#giveUp(this);
  }

  onCancel(): void {
    this.#giveUp(this);
  }

  /** The caller's signal. */
  handleEvent(): void {
    this.#giveUp(this);
  }
}
