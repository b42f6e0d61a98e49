/** What is told when its time has come. */
export interface Expiring {
  onDeadline(): void;
}

interface Slot {
  next: Slot;
  previous: Slot;
}

/** One deadline on the wheel; `cancel` takes it off, in constant time, and may be called again. */
class Deadline implements Slot {
  next: Slot = this;
  previous: Slot = this;
  readonly atMs: number;
  readonly target: Expiring;
  readonly #onOff: () => void;
  #on = true;

  constructor(atMs: number, target: Expiring, onOff: () => void) {
    this.atMs = atMs;
    this.target = target;
    this.#onOff = onOff;
  }

  cancel(): void {
    this.take();
  }

  /** Takes it off; false when it was off already. */
  take(): boolean {
    if (!this.#on) return false;
    this.#on = false;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    // One that was taken off long ago would keep its neighbour from being collected with the young, and that one the next.
    this.next = this;
    this.previous = this;
    this.#onOff();
    return true;
  }
}

const TICK_MS = 16;
const SLOTS = 1024;
const FOREVER_MS = 2 ** 50;

/**
 * Deadlines of all calls in flight, in slots of 16 ms. One comes due between its time and one tick after it, never before.
 * Adding and cancelling cost the same however many there are. It has no timer: `advance` says what time it is.
 */
export class DeadlineWheel {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, emptySlot);
  #tick: number;
  #size = 0;
  readonly #off = (): void => {
    this.#size -= 1;
  };

  /** `now` as in `advance`: monotonic milliseconds. */
  constructor(now: number) {
    this.#tick = Math.floor(now / TICK_MS);
  }

  get size(): number {
    return this.#size;
  }

  add(atMs: number, target: Expiring): { cancel(): void } {
    const deadline = new Deadline(atMs, target, this.#off);
    // Past ones come due with the next tick: never inside `add`, which its caller would not expect.
    const tick = Math.max(Math.ceil(Math.min(atMs, FOREVER_MS) / TICK_MS), this.#tick + 1);
    const slot = this.#slots[tick % SLOTS] as Slot;
    deadline.next = slot;
    deadline.previous = slot.previous;
    slot.previous.next = deadline;
    slot.previous = deadline;
    this.#size += 1;
    return deadline;
  }

  /** Tells every target whose time is at or before `now`. */
  advance(now: number): void {
    const to = Math.floor(now / TICK_MS);
    // More than a whole turn behind: each slot is looked at once.
    const from = Math.max(this.#tick + 1, to - SLOTS + 1);
    this.#tick = Math.max(this.#tick, to);
    for (let tick = from; tick <= to; tick++) this.#expire(this.#slots[tick % SLOTS] as Slot, now);
  }

  #expire(slot: Slot, now: number): void {
    const due: Deadline[] = [];
    for (let at = slot.next; at !== slot; at = at.next) {
      if ((at as Deadline).atMs <= now) due.push(at as Deadline);
    }
    for (const deadline of due) {
      // An earlier one's target may have cancelled this one.
      if (deadline.take()) deadline.target.onDeadline();
    }
  }
}

function emptySlot(): Slot {
  const slot = {} as Slot;
  slot.next = slot;
  slot.previous = slot;
  return slot;
}
