import { type Carried, claimedSigner } from '../../protocols/revocation/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';

const MAX_PARKED = 1_024;
/** More from one peer push out its own oldest, and nobody else's. */
const MAX_PER_SENDER = 64;
/** Whoever still has it brings it again by then. */
const KEPT_MS = 3_600_000;

export interface Waiting {
  readonly carried: Carried;
  /** The node that sent it. */
  readonly from: string;
}

interface Parked extends Waiting {
  readonly signer: string | undefined;
  readonly untilMs: number;
}

/** Statements that may become valid: their signer is not known yet, or their time has not come. Bounded, and in memory only. */
export class ParkedStatements {
  /** By SHA-256 of the statement, oldest first. */
  readonly #parked = new Map<string, Parked>();

  get size(): number {
    return this.#parked.size;
  }

  /** Answers whether it is new here. */
  add({ carried, from }: Waiting, nowMs: number): boolean {
    const id = sha256Hex(carried.statement);
    const before = this.#parked.get(id);
    const parked = { carried, from, signer: claimedSigner(carried.statement), untilMs: nowMs + KEPT_MS };
    if (before !== undefined) {
      // The newer chain may be the renewed one; its place and its end stay as they were.
      this.#parked.set(id, { ...parked, from: before.from, untilMs: before.untilMs });
      return false;
    }
    const ofSender = [...this.#parked].filter(([, waiting]) => waiting.from === from);
    if (ofSender.length >= MAX_PER_SENDER) this.#parked.delete(ofSender[0]?.[0] as string);
    if (this.#parked.size >= MAX_PARKED) this.#parked.delete(this.#parked.keys().next().value as string);
    this.#parked.set(id, parked);
    return true;
  }

  /** Those that `signer` claims to have signed; all of them where no signer is named. */
  of(signer?: string): Waiting[] {
    const waiting = [...this.#parked.values()];
    return signer === undefined ? waiting : waiting.filter((one) => one.signer === signer);
  }

  remove(statement: string): void {
    this.#parked.delete(sha256Hex(statement));
  }

  forgetOld(nowMs: number): void {
    for (const [id, { untilMs }] of this.#parked) if (untilMs <= nowMs) this.#parked.delete(id);
  }
}
