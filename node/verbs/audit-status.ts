import type { WitnessStatus } from '../witness/index.ts';

export interface AuditStatusParts {
  readonly failure: () => Error | undefined;
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

export function auditWarnings({ failure, witnesses }: AuditStatusParts): string[] {
  const warnings: string[] = [];
  const failed = failure();
  if (failed !== undefined) warnings.push(`the audit log cannot be written: ${failed.message}`);
  const { contradicted, evidence } = witnesses();
  for (const { by, kind, seq } of contradicted) warnings.push(`${OURS[kind]}: ${by} holds another entry ${seq} of it`);
  for (const { node, kind, seq } of evidence) {
    warnings.push(`the audit log of node ${node} ${THEIRS[kind]} (entry ${seq}): the proof is kept here`);
  }
  return warnings;
}

const OURS = {
  rewritten: 'the audit log of this node was rewritten',
  'rolled-back': 'the audit log of this node lost its end, or is an older copy',
  fork: 'this node signed two different audit logs',
} as const;
const THEIRS = { fork: 'was rewritten, or exists twice', 'rolled-back': 'lost its end, or is an older copy' } as const;
