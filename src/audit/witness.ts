import type { AuditHead } from './head.ts';

/** A head that a witness has countersigned. */
export type HeldHead = Pick<AuditHead, 'seq' | 'hash' | 'at_ms'>;

export const CONTRADICTIONS = ['fork', 'rolled-back'] as const;
/**
 * `fork`: two heads of one log that no log can have. `rolled-back`: a later head of a shorter log.
 */
export type Contradiction = (typeof CONTRADICTIONS)[number];

export type HeadVerdict =
  /** Says more than all that is held. */
  | { readonly kind: 'fresh' }
  /** Held already, or overtaken by one that is. */
  | { readonly kind: 'known' | 'stale' }
  | { readonly kind: Contradiction; readonly against: HeldHead };

/** What a witness makes of `head`, given the heads of the same node that it holds, in any order. */
export function judgeHead(head: AuditHead, held: Iterable<HeldHead>): HeadVerdict {
  let newest: HeldHead | undefined;
  let same = false;
  for (const one of held) {
    if (newest === undefined || one.seq > newest.seq) newest = one;
    if (one.seq === head.seq && one.hash !== head.hash) return { kind: 'fork', against: one };
    if (one.seq === head.seq) same = true;
    if (one.seq === head.since?.seq && one.hash !== head.since.hash) return { kind: 'fork', against: one };
  }
  if (newest === undefined || head.seq > newest.seq) return { kind: 'fresh' };
  if (head.at_ms > newest.at_ms && head.seq < newest.seq) return { kind: 'rolled-back', against: newest };
  return { kind: same ? 'known' : 'stale' };
}

/**
 * Which of `seqs`, rising, to keep when only `most` (at least 4) may be: the first, the newer half, and of the older half such that
 * their ages (how far each lies behind the newest) stay in about the same proportion to each other: every part of a log that is
 * long gone keeps some witness, the wider apart the older it is.
 */
export function thinned(seqs: readonly number[], most: number): number[] {
  const kept = [...seqs];
  const newest = kept.at(-1) ?? 0;
  const age = (at: number): number => newest - (kept[at] ?? 0) + 1;
  while (kept.length > most) {
    const older = kept.length - Math.floor(most / 2);
    let dropped = 1;
    let closest = Number.POSITIVE_INFINITY;
    for (let at = 1; at < older; at += 1) {
      const apart = age(at - 1) / age(at + 1);
      if (apart < closest) [dropped, closest] = [at, apart];
    }
    kept.splice(dropped, 1);
  }
  return kept;
}
