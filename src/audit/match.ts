import type { AuditEntry } from './entry.ts';
import { readReceipt } from './receipt.ts';

/** A call whose two ends do not agree, by the entry of this node (`seq`) or of the other one (`theirSeq`). */
export type Mismatch =
  /** The other node gave a receipt for an entry that its log has otherwise, or has not; or asked for a call that it has not. */
  | { readonly kind: 'other-there' | 'missing-there'; readonly seq: number; readonly theirSeq?: number }
  /** The same, and by its log the other node was ended by force just then: what was not yet on disk is lost, if that is true. */
  | { readonly kind: 'lost-there'; readonly seq: number; readonly theirSeq: number }
  /** The other node served, or asked and was given a receipt for, a call that is not on record here. */
  | { readonly kind: 'missing-here'; readonly theirSeq: number }
  /** Both ends are there and say different things of the call. */
  | { readonly kind: 'differs'; readonly seq: number; readonly theirSeq: number; readonly field: string };

export interface Match {
  /** Calls of which both ends agree. */
  readonly matched: number;
  /** Calls asked without an answer that are on record at one end: they never arrived, or were lost with what was not yet on disk. */
  readonly unanswered: number;
  /** Calls of a time that one of the logs does not cover. */
  readonly uncovered: number;
  readonly mismatches: readonly Mismatch[];
  /** Mismatches beyond those listed. */
  readonly more: number;
}

/** What is compared, of an entry and its hash. */
export type Compared = Pick<AuditEntry, 'seq' | 'atMs' | 'kind' | 'callId' | 'peer' | 'argumentsHash' | 'receipt'> & {
  readonly hash: string;
};

const MAX_LISTED = 1_000;
/** How far the clocks of two nodes may differ, and how long an answer may travel. */
const SKEW_MS = 5_000;

/** Entries that a log can lose at once: those of the moment before its process ended. */
const MAX_LOST = 4_096;

/** The stretch that a log covers. */
class Covered {
  first = Number.POSITIVE_INFINITY;
  last = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  add({ seq, atMs }: Pick<Compared, 'seq' | 'atMs'>): void {
    this.first = Math.min(this.first, seq);
    this.last = Math.max(this.last, seq);
    this.#firstMs = Math.min(this.#firstMs, atMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
  }

  has(atMs: number, skewMs: number): boolean {
    return atMs >= this.#firstMs + skewMs && atMs <= this.#lastMs - skewMs;
  }
}

/**
 * Compares the calls that two nodes made of each other. Give it all of the other node's entries, then all of this one's, then ask
 * for the `end`. A call that only one log has is held against the other where that covers its time.
 */
export class CallMatcher {
  readonly #self: string;
  readonly #other: string;
  readonly #skewMs: number;
  /** What the other node says of calls with this one, by call: as it served them, and as it asked for them. */
  readonly #served = new Map<string, Compared>();
  readonly #asked = new Map<string, Compared>();
  readonly #hashes = new Map<number, string>();
  /** Where their log was broken off: its first entry after, and when the last one before was made. */
  readonly #gaps: { readonly seq: number; readonly afterMs: number }[] = [];
  #theirLastMs: number | undefined;
  readonly #theirs = new Covered();
  readonly #ours = new Covered();
  readonly #mismatches: Mismatch[] = [];
  readonly #counts = { matched: 0, unanswered: 0, uncovered: 0, more: 0 };

  constructor(nodes: { readonly self: string; readonly other: string; readonly skewMs?: number }) {
    this.#self = nodes.self;
    this.#other = nodes.other;
    this.#skewMs = nodes.skewMs ?? SKEW_MS;
  }

  theirs(entry: Compared): void {
    this.#theirs.add(entry);
    this.#hashes.set(entry.seq, entry.hash);
    if (entry.kind === 'gap') this.#gaps.push({ seq: entry.seq, afterMs: this.#theirLastMs ?? entry.atMs });
    this.#theirLastMs = entry.atMs;
    if (entry.peer !== this.#self || entry.callId === '') return;
    if (entry.kind === 'serve') this.#served.set(entry.callId, entry);
    else if (entry.kind === 'call') this.#asked.set(entry.callId, entry);
  }

  ours(entry: Compared): void {
    this.#ours.add(entry);
    if (entry.callId === '') return;
    if (entry.kind === 'call') this.#call(entry, this.#served.get(entry.callId));
    else if (entry.kind === 'serve' && entry.peer === this.#other) this.#serve(entry, this.#asked.get(entry.callId));
  }

  end(): Match {
    for (const { seq, atMs } of this.#served.values()) this.#missingHere(seq, atMs);
    for (const { seq, atMs, receipt } of this.#asked.values()) {
      if (receipt === undefined) this.#counts.unanswered += 1;
      else this.#missingHere(seq, atMs);
    }
    return { ...this.#counts, mismatches: this.#mismatches };
  }

  /** Asked here. A call that was tried at the other node and then elsewhere is on record there, and has another peer here. */
  #call(ours: Compared, there: Compared | undefined): void {
    this.#served.delete(ours.callId);
    const { seq } = ours;
    const given = ours.receipt === undefined || ours.peer !== this.#other ? undefined : readReceipt(ours.receipt);
    if (given !== undefined) {
      const found = this.#hashes.get(given.seq);
      if (found === given.hash && there !== undefined) return this.#compare(ours, there);
      if (this.#mayBeLost(given.seq, ours.atMs)) {
        return this.#report({ kind: 'lost-there', seq, theirSeq: given.seq });
      }
      if (found !== undefined) return this.#report({ kind: 'other-there', seq, theirSeq: given.seq });
      const within = given.seq >= this.#theirs.first && given.seq <= this.#theirs.last;
      if (within || this.#theirs.has(ours.atMs, this.#skewMs)) {
        return this.#report({ kind: 'missing-there', seq, theirSeq: given.seq });
      }
      this.#counts.uncovered += 1;
    } else if (there !== undefined) {
      this.#compare(ours, there);
    } else if (ours.peer === this.#other) {
      this.#counts.unanswered += 1;
    }
  }

  #mayBeLost(theirSeq: number, atMs: number): boolean {
    const gap = this.#gaps.findLast(({ seq }) => seq <= theirSeq);
    return gap !== undefined && theirSeq - gap.seq < MAX_LOST && Math.abs(atMs - gap.afterMs) <= this.#skewMs;
  }

  /** Served here. */
  #serve(ours: Compared, there: Compared | undefined): void {
    this.#asked.delete(ours.callId);
    const { seq, hash } = ours;
    if (there === undefined) {
      if (this.#theirs.has(ours.atMs, this.#skewMs)) this.#report({ kind: 'missing-there', seq });
      else this.#counts.uncovered += 1;
      return;
    }
    const given = there.receipt === undefined ? undefined : readReceipt(there.receipt);
    if (given !== undefined && (given.seq !== seq || given.hash !== hash)) {
      return this.#report({ kind: 'differs', seq, theirSeq: there.seq, field: 'receipt' });
    }
    this.#compare(ours, there);
  }

  #compare(ours: Compared, there: Compared): void {
    if (ours.argumentsHash === there.argumentsHash) this.#counts.matched += 1;
    else this.#report({ kind: 'differs', seq: ours.seq, theirSeq: there.seq, field: 'argumentsHash' });
  }

  #missingHere(theirSeq: number, atMs: number): void {
    if (this.#ours.has(atMs, this.#skewMs)) this.#report({ kind: 'missing-here', theirSeq });
    else this.#counts.uncovered += 1;
  }

  #report(mismatch: Mismatch): void {
    if (this.#mismatches.length < MAX_LISTED) this.#mismatches.push(mismatch);
    else this.#counts.more += 1;
  }
}
