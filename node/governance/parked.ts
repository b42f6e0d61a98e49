import { sha256Hex } from '../../src/kernel/index.ts';

const MAX_PARKED = 512;
const MAX_PARKED_BYTES = 4 * 1024 * 1024;
/** More from one peer push out its own oldest, and nobody else's. */
const MAX_PER_SENDER = 64;
/** Whoever still has it brings it again by then. */
const KEPT_MS = 3_600_000;

interface Parked {
  readonly token: string;
  readonly from: string;
  readonly untilMs: number;
}

/** Statements that may count when more is known. Bounded, and in memory only: whoever has them brings them again. */
export class ParkedStatements {
  /** By SHA-256 of the token, oldest first. */
  readonly #parked = new Map<string, Parked>();
  #bytes = 0;

  get size(): number {
    return this.#parked.size;
  }

  /** Answers whether it is new here. */
  add(token: string, { from, nowMs }: { readonly from: string; readonly nowMs: number }): boolean {
    const id = sha256Hex(token);
    if (this.#parked.has(id)) return false;
    const ofSender = [...this.#parked].filter(([, waiting]) => waiting.from === from);
    if (ofSender.length >= MAX_PER_SENDER) this.#drop(ofSender[0]?.[0]);
    this.#parked.set(id, { token, from, untilMs: nowMs + KEPT_MS });
    this.#bytes += token.length;
    while (this.#parked.size > MAX_PARKED || this.#bytes > MAX_PARKED_BYTES)
      this.#drop(this.#parked.keys().next().value);
    return true;
  }

  /** Takes out everything. */
  take(): { readonly token: string; readonly from: string }[] {
    const taken = [...this.#parked.values()];
    this.#parked.clear();
    this.#bytes = 0;
    return taken;
  }

  forgetOld(nowMs: number): void {
    for (const [id, { untilMs }] of this.#parked) if (untilMs <= nowMs) this.#drop(id);
  }

  #drop(id: string | undefined): void {
    const parked = id === undefined ? undefined : this.#parked.get(id);
    if (id === undefined || parked === undefined) return;
    this.#parked.delete(id);
    this.#bytes -= parked.token.length;
  }
}
