import { questionOf } from './body.ts';
import type { Statement } from './statement.ts';

export interface Counted {
  readonly question: string;
  readonly ep: number;
  /** Thumbprints of those whose commits count. */
  readonly kids: readonly string[];
  readonly required: number;
}

/** The outcome by commits, counted the plain way from a heap of statements: what the index is compared with. */
export function referenceTally(
  statements: Iterable<Statement>,
  { question, ep, kids, required }: Counted,
): 'open' | 'rejected' | 'approved' {
  const approving = new Set<string>();
  const others = new Set<string>();
  for (const { kid, payload } of statements) {
    if (payload.kind !== 'commit' || payload.ep !== ep || questionOf(payload.body) !== question) continue;
    if (!kids.includes(kid)) continue;
    if (payload.body.value === 'approve') approving.add(kid);
    else others.add(kid);
  }
  if (approving.size >= required) return 'approved';
  return others.size > kids.length - required ? 'rejected' : 'open';
}
