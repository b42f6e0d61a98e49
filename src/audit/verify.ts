import { genesisHash, linkHash, openRecord } from './chain.ts';
import type { AuditEntry } from './entry.ts';
import { decodeEntry, encodeEntry } from './line.ts';

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
  readonly brokenAt?: ChainBreak | undefined;
}

/** What witnesses vouch for, and the window in which the node alone is to be believed. */
export interface Witnessed {
  /** The last entry that a witness has seen; 0: none. */
  readonly to: number;
  /** Witnesses whose word fits the log. */
  readonly by: readonly string[];
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
  readonly #seen: ReadonlyMap<number, readonly WitnessedEntry[]> | undefined;
  readonly #witnesses = new Set<string>();
  #witnessedTo = 0;
  #sinceMs: number | undefined;
  #broken: ChainBreak | undefined;

  constructor(start: ChainStart) {
    this.#hash = start.after?.hash ?? genesisHash(start.villageId, start.nodeId);
    this.#next = (start.after?.seq ?? 0) + 1;
    this.#from = this.#next;
    this.#heads = start.heads;
    this.#signedTo = this.#from - 1;
    this.#seen = start.witnessed && Map.groupBy(start.witnessed, ({ seq }) => seq);
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
    const seen = this.#seen?.get(due) ?? [];
    const other = seen.find(({ hash }) => hash !== opened.hash);
    if (other !== undefined) {
      const message = `entry ${due} is not the one that ${other.witness} countersigned: the log was rewritten there or before`;
      return this.#break('rewritten', message);
    }
    this.#sinceMs ??= entry.atMs;
    if (seen.length > 0) {
      this.#witnessedTo = due;
      this.#sinceMs = undefined;
      for (const { witness } of seen) this.#witnesses.add(witness);
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
    const ahead = [...(this.#seen?.values() ?? [])].flat().find(({ seq }) => seq > to && seq <= upTo);
    if (this.#broken === undefined && ahead !== undefined) {
      const message = `the log ends after entry ${to}, but ${ahead.witness} countersigned that entry ${ahead.seq} exists`;
      this.#break('rolled-back', message);
    }
    return {
      ok: this.#broken === undefined,
      checked: to - this.#from + 1,
      from: this.#from,
      to,
      headHash: this.#hash,
      signedTo: this.#heads === undefined ? undefined : this.#signedTo,
      witnessed: this.#seen && this.#witnessed(to),
      brokenAt: this.#broken,
    };
  }

  #witnessed(to: number): Witnessed {
    return {
      to: this.#witnessedTo,
      by: [...this.#witnesses],
      entriesSince: to - Math.max(this.#witnessedTo, this.#from - 1),
      sinceMs: this.#sinceMs,
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
