/** A machine: what comes in, and what is to be done about it. Pure. */
export type Step<State, Event, Effect> = (
  state: State,
  event: Event,
) => { readonly state: State; readonly effects: readonly Effect[] };

export interface DriverOptions<State, Event, Effect> {
  readonly initial: State;
  readonly step: Step<State, Event, Effect>;
  /** What has to be on disk before it is carried out. All that waits is written at once, in its order: a sync costs more than many entries. */
  readonly disk?: {
    readonly holds: (effect: Effect) => boolean;
    /** Resolves when they are on disk. A rejection ends the machine. */
    readonly write: (effects: readonly Effect[]) => Promise<void>;
  };
  /** Resolves when what comes after it may begin. A rejection ends the machine: nothing that rests on it may happen. */
  readonly carryOut: (effect: Effect) => Promise<void> | void;
  readonly onHalt: (error: unknown) => void;
  /** After each step, with the state before and after. */
  readonly onStep?: ((before: State, after: State) => void) | undefined;
}

/** Effects that may wait before who brings more is made to wait. */
const MANY = 1_024;

/**
 * The one actor of a machine: each event is one synchronous step, so checks and what they allow can't be torn apart; effects are
 * carried out strictly in order, across steps too, so that what has to be on disk first is.
 */
export class Driver<State, Event, Effect> {
  readonly #options: DriverOptions<State, Event, Effect>;
  readonly #effects: Effect[] = [];
  /** Of those that wait. */
  readonly #written = new Set<Effect>();
  #state: State;
  #working: Promise<void> = Promise.resolve();
  #busy = false;
  #halted = false;

  constructor(options: DriverOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.initial;
  }

  get state(): State {
    return this.#state;
  }

  /** It does nothing any more: its disk failed, or it was stopped. */
  get halted(): boolean {
    return this.#halted;
  }

  feed(event: Event): void {
    if (this.#halted) return;
    const before = this.#state;
    const { state, effects } = this.#options.step(before, event);
    this.#state = state;
    this.#options.onStep?.(before, state);
    this.perform(effects);
  }

  /** Carries out what the machine wants besides, as at its start. */
  perform(effects: readonly Effect[]): void {
    if (this.#halted) return;
    for (const effect of effects) this.#effects.push(effect);
    // A step that an effect leads to finds it busy, and queues up behind what is being done.
    if (!this.#busy) this.#working = this.#work();
  }

  /** Something to wait for before more is brought; undefined: there is room. */
  room(): Promise<void> | undefined {
    return this.#busy && this.#effects.length > MANY ? this.#working : undefined;
  }

  /** Resolves when nothing is left to do. */
  async settled(): Promise<void> {
    while (this.#busy) await this.#working;
  }

  /** Nothing is stepped or done after what is under way. */
  async halt(): Promise<void> {
    this.#halted = true;
    this.#effects.length = 0;
    this.#written.clear();
    await this.#working;
  }

  /** With it what comes later: to be known of before it is so never hurts, to be done before it is known would. */
  async #write(first: Effect): Promise<void> {
    const { disk } = this.#options;
    const later = this.#effects.filter((effect) => disk?.holds(effect) === true && !this.#written.has(effect));
    await disk?.write([first, ...later]);
    for (const effect of later) this.#written.add(effect);
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
        if (this.#options.disk?.holds(next) === true && !this.#written.delete(next)) await this.#write(next);
        const done = this.#options.carryOut(next);
        if (done !== undefined) await done;
      }
    } catch (error) {
      this.#halted = true;
      this.#effects.length = 0;
      this.#options.onHalt(error);
    } finally {
      this.#busy = false;
    }
  }
}
