import type { WitnessStatus } from '../witness/index.ts';

export interface AuditStatusParts {
  /** The last entry chained. */
  readonly head: () => { readonly seq: number };
  readonly witnesses: () => WitnessStatus;
}

/** How far the audit log goes, and how far others vouch for it. */
export function auditState({ head, witnesses }: AuditStatusParts): object {
  const { witnessedTo, witnessedAtMs, witnesses: count } = witnesses();
  const { seq } = head();
  return {
    entries: seq,
    witnessed_to: witnessedTo,
    witnessed_at: witnessedAtMs === undefined ? undefined : new Date(witnessedAtMs).toISOString(),
    witnesses: count,
    unwitnessed: Math.max(0, seq - witnessedTo),
  };
}
