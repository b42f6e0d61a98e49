import { acceptanceIn } from './acceptance.ts';
import type { AuditEntry } from './entry.ts';
import type { ChainBreak, WitnessedEntry } from './verify.ts';

/** Acceptances looked at in one log; further ones settle nothing. */
const MAX_ACCEPTANCES = 256;

/** That a witness accepted the loss of entries it had seen, and where the log says so. */
export interface AcceptedLoss {
  /** The entry that carries it. */
  readonly seq: number;
  readonly by: string;
  readonly from: number;
  readonly to: number;
}

/** How far a log was found intact. */
export interface Reached {
  readonly seq: number;
  readonly hash: string;
  readonly signedTo: number;
  readonly witnessedTo: number;
  readonly sinceMs: number | undefined;
}

interface Objection {
  readonly broken: ChainBreak;
  readonly witness: string;
  /** Before the entry in question. */
  readonly reached: Reached;
}

/**
 * The words of witnesses beside a log that is read from its beginning. One that contradicts the log is held until the end: an entry
 * further on may carry the witness's own acceptance that the log was put back from a copy.
 */
export class WitnessWords {
  readonly #owner: { readonly villageId: string; readonly nodeId: string };
  readonly #seen: ReadonlyMap<number, readonly WitnessedEntry[]>;
  readonly #fitting = new Map<string, number>();
  readonly #objections: Objection[] = [];
  readonly #accepted: AcceptedLoss[] = [];

  constructor(words: readonly WitnessedEntry[], owner: { readonly villageId: string; readonly nodeId: string }) {
    this.#owner = owner;
    this.#seen = Map.groupBy(words, ({ seq }) => seq);
  }

  /** Witnesses whose word fits the log, each with the last entry that it has seen. */
  get fitting(): ReadonlyMap<string, number> {
    return this.#fitting;
  }

  get accepted(): readonly AcceptedLoss[] {
    return this.#accepted;
  }

  /** An entry that is in its place in the chain. Answers whether a witness has seen it as it is. */
  passes(entry: AuditEntry, hash: string, before: Reached): boolean {
    const accepted = acceptanceIn(entry, this.#owner);
    if (accepted !== undefined && this.#accepted.length < MAX_ACCEPTANCES) {
      const { witness: by, from, to } = accepted;
      this.#accepted.push({ seq: entry.seq, by, from, to });
    }
    let fits = false;
    for (const { witness, hash: seen } of this.#seen.get(entry.seq) ?? []) {
      if (seen === hash) {
        this.#fitting.set(witness, entry.seq);
        fits = true;
        continue;
      }
      const message = `entry ${entry.seq} is not the one that ${witness} countersigned: the log was rewritten there or before`;
      this.#objections.push({ broken: { seq: entry.seq, kind: 'rewritten', message }, witness, reached: before });
    }
    return fits;
  }

  /** The first word that speaks against a log that ends with entry `end`, and that its witness has not taken back. */
  objection(end: Reached, upTo: number): Pick<Objection, 'broken' | 'reached'> | undefined {
    const standing = this.#objections.find(({ witness, broken: { seq } }) => !this.#isTakenBack(witness, seq));
    if (standing !== undefined) return standing;
    for (const { seq, witness } of [...this.#seen.values()].flat()) {
      if (seq <= end.seq || seq > upTo || this.#isTakenBack(witness, seq)) continue;
      const message = `the log ends after entry ${end.seq}, but ${witness} countersigned that entry ${seq} exists`;
      return { broken: { seq: end.seq + 1, kind: 'rolled-back', message }, reached: end };
    }
    return undefined;
  }

  #isTakenBack(witness: string, seq: number): boolean {
    return this.#accepted.some(({ by, from, to }) => by === witness && from <= seq && seq <= to);
  }
}
