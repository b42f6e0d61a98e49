import { genesisHash, linkHash, openRecord } from './chain.ts';
import type { AuditEntry } from './entry.ts';
import { decodeEntry, encodeEntry } from './line.ts';
import { type AcceptedLoss, type Reached, WitnessWords } from './witness-words.ts';

/** Every entry whose number is a multiple of this has a signed head, so heads cannot be left out unnoticed. */
export const HEAD_EVERY = 256;

export type BreakKind =
  /** A record's bytes are not what was written, or it does not follow from the one before. */
  | 'changed'
  | 'missing'
  | 'out-of-order'
  | 'duplicate'
  /** Something in the log that is no entry. */
  | 'inserted'
  /** The log ends before an entry that a signed head names. */
  | 'truncated'
  /** The chain is whole but is not the one this node signed. */
  | 'head-mismatch'
  /** A signed head that must be there is not. */
  | 'head-missing'
  /** The chain is whole and signed, and is not the one that a witness countersigned. */
  | 'rewritten'
  /** The log ends before an entry that a witness countersigned. */
  | 'rolled-back';

/** What a witness countersigned: entry `seq` and all before it are fixed by `hash`. */
export interface WitnessedEntry {
  readonly seq: number;
  readonly hash: string;
  readonly witness: string;
}

export interface ChainBreak {
  /** The entry where the chain breaks. */
  readonly seq: number;
  readonly kind: BreakKind;
  readonly message: string;
}

export interface ChainReport {
  readonly ok: boolean;
  /** How many entries were found intact. */
  readonly checked: number;
  /** First and last entry found intact; `to` is below `from` when there is none. */
  readonly from: number;
  readonly to: number;
  /** Hash of entry `to` (of what stands before `from` when there is none). */
  readonly headHash: string;
  /** The last entry that a signed head vouches for; undefined when no heads were given. */
  readonly signedTo?: number | undefined;
  /** Undefined when no witnesses were given. */
  readonly witnessed?: Witnessed | undefined;
  /** What witnesses had seen and their operators accepted as lost, as the log itself says it. */
  readonly accepted: readonly AcceptedLoss[];
  readonly brokenAt?: ChainBreak | undefined;
}

/** What witnesses vouch for, and the window in which the node alone is to be believed. */
export interface Witnessed {
  /** The last entry that a witness has seen; 0: none. */
  readonly to: number;
  /** Witnesses whose word fits the log. */
  readonly by: readonly string[];
  /** Witness → the last entry that it has seen; `to` is the furthest of them. */
  readonly seenTo: Readonly<Record<string, number>>;
  /** Entries after it, and when the first of them was made, Unix milliseconds; undefined: there is none. */
  readonly entriesSince: number;
  readonly sinceMs: number | undefined;
}

export interface ChainStart {
  readonly villageId: string;
  readonly nodeId: string;
  /** The first entry to check, and the hash of the one before it; by default the first of all. */
  readonly after?: { readonly seq: number; readonly hash: string } | undefined;
  /** Entry number → hash, from verified heads. Undefined: heads are not looked at. */
  readonly heads?: ReadonlyMap<number, string> | undefined;
  /** Verified words of witnesses. Undefined: nobody was asked. */
  readonly witnessed?: readonly WitnessedEntry[] | undefined;
}

/** Checks a log entry by entry, in the order given, in constant memory. After the first break it only looks whether the entry turns up late. */
export class ChainVerifier {
  readonly #from: number;
  readonly #heads: ReadonlyMap<number, string> | undefined;
  #next: number;
  #hash: string;
  #signedTo: number;
  readonly #asked: boolean;
  readonly #words: WitnessWords;
  #witnessedTo = 0;
  #sinceMs: number | undefined;
  #broken: ChainBreak | undefined;

  constructor(start: ChainStart) {
    this.#hash = start.after?.hash ?? genesisHash(start.villageId, start.nodeId);
    this.#next = (start.after?.seq ?? 0) + 1;
    this.#from = this.#next;
    this.#heads = start.heads;
    this.#signedTo = this.#from - 1;
    this.#asked = start.witnessed !== undefined;
    this.#words = new WitnessWords(start.witnessed ?? [], start);
  }

  get broken(): ChainBreak | undefined {
    return this.#broken;
  }

  /** `seq`: the number under which the record is stored; undefined when it has none. Answers the entry when it is intact. */
  next(seq: number | undefined, record: Uint8Array | string): AuditEntry | undefined {
    if (this.#broken !== undefined) {
      this.#lookForLate(seq);
      return undefined;
    }
    const due = this.#next;
    if (seq === undefined) return this.#break('inserted', `after entry ${due - 1} comes something that is no entry`);
    if (seq > due) {
      const span = seq - 1 === due ? `entry ${due} is missing` : `entries ${due} to ${seq - 1} are missing`;
      return this.#break('missing', span);
    }
    return this.#check(due, record);
  }

  #check(due: number, record: Uint8Array | string): AuditEntry | undefined {
    const opened = openRecord(record);
    if (opened === undefined) return this.#break('changed', `entry ${due} is damaged: it does not end in its hash`);
    const decoded = decodeEntry(opened.line);
    if (decoded.kind === 'malformed') return this.#break('changed', `entry ${due} was changed: ${decoded.because}`);
    const { entry } = decoded;
    if (entry.seq !== due && linkHash(this.#hash, encodeEntry({ ...entry, seq: due })) !== opened.hash) {
      return entry.seq < due
        ? this.#break('duplicate', `in the place of entry ${due} stands a copy of entry ${entry.seq}`)
        : this.#break('out-of-order', `in the place of entry ${due} stands entry ${entry.seq}`);
    }
    if (linkHash(this.#hash, opened.line) !== opened.hash) {
      return this.#break('changed', `entry ${due} was changed, or does not belong after entry ${due - 1}`);
    }
    const signed = this.#heads?.get(due);
    if (signed !== undefined && signed !== opened.hash) {
      return this.#break(
        'head-mismatch',
        `entry ${due} is not the one this node signed: the log was rewritten before it`,
      );
    }
    if (this.#heads !== undefined && signed === undefined && (due % HEAD_EVERY === 0 || entry.kind === 'stop')) {
      return this.#break('head-missing', `the signed head that belongs to entry ${due} is missing`);
    }
    const witnessed = this.#words.passes(entry, opened.hash, this.#reached());
    this.#sinceMs ??= entry.atMs;
    if (witnessed) {
      this.#witnessedTo = due;
      this.#sinceMs = undefined;
    }
    if (signed !== undefined) this.#signedTo = due;
    this.#hash = opened.hash;
    this.#next = due + 1;
    return entry;
  }

  /** Says how far the log is intact. `upTo`: the last entry that was to be checked; heads beyond it are none of our business. */
  end(upTo = Number.MAX_SAFE_INTEGER): ChainReport {
    const to = this.#next - 1;
    if (this.#broken === undefined && this.#heads !== undefined) {
      let promised = to;
      for (const seq of this.#heads.keys()) if (seq > promised && seq <= upTo) promised = seq;
      if (promised > to) {
        this.#break('truncated', `the log ends after entry ${to}, but this node signed that entry ${promised} exists`);
      }
    }
    const end = this.#reached();
    const objection = this.#words.objection(end, this.#broken === undefined ? upTo : to);
    // What a witness contradicts lies before whatever else is broken: the chain was followed on from there.
    return objection === undefined
      ? this.#report(end, this.#broken)
      : this.#report(objection.reached, objection.broken);
  }

  #reached(): Reached {
    return {
      seq: this.#next - 1,
      hash: this.#hash,
      signedTo: this.#signedTo,
      witnessedTo: this.#witnessedTo,
      sinceMs: this.#sinceMs,
    };
  }

  #report({ seq: to, hash, signedTo, witnessedTo, sinceMs }: Reached, brokenAt: ChainBreak | undefined): ChainReport {
    const entriesSince = to - Math.max(witnessedTo, this.#from - 1);
    const by = [...this.#words.fitting];
    const seenTo = Object.fromEntries(by.map(([witness, seen]) => [witness, Math.min(seen, witnessedTo)]));
    const who = { by: by.map(([witness]) => witness), seenTo };
    return {
      ok: brokenAt === undefined,
      checked: to - this.#from + 1,
      from: this.#from,
      to,
      headHash: hash,
      signedTo: this.#heads === undefined ? undefined : signedTo,
      witnessed: this.#asked ? { to: witnessedTo, ...who, entriesSince, sinceMs } : undefined,
      accepted: this.#words.accepted,
      brokenAt,
    };
  }

  #lookForLate(seq: number | undefined): void {
    if (this.#broken?.kind !== 'missing' || seq !== this.#broken.seq) return;
    this.#broken = { seq, kind: 'out-of-order', message: `entry ${seq} comes later than entries that follow it` };
  }

  #break(kind: BreakKind, message: string): undefined {
    this.#broken = { seq: this.#next, kind, message };
    return undefined;
  }
}
