import { questionOf } from './body.ts';
import type { Statement } from './statement.ts';
import { openStatement } from './codec.ts';
import { thumbprint } from './key.ts';
import type { Evidence } from './views.ts';

/** Whether two statements of one key can't both be honest: two values for one question, or two fences of one kind. */
export function contradicts(one: Statement, other: Statement): boolean {
  if (one.id === other.id || one.kid !== other.kid) return false;
  const [a, b] = [one.payload, other.payload];
  if (a.kind === 'fence' && b.kind === 'fence')
    return a.ep === b.ep && a.body.change === b.body.change && a.body.without === b.body.without;
  if (a.kind !== 'commit' || b.kind !== 'commit') return false;
  return questionOf(a.body) === questionOf(b.body) && a.body.value !== b.body.value;
}

/** Whether two tokens prove that the holder of `key` contradicted itself in this village. */
export function isEvidence(tokens: readonly [string, string], subject: { net: string; key: string }): boolean {
  const kid = thumbprint(subject.key);
  const keyOf = (asked: string): string | undefined => (asked === kid ? subject.key : undefined);
  const [one, other] = tokens.map((token) => openStatement(token, { net: subject.net, keyOf }));
  return one?.kind === 'opened' && other?.kind === 'opened' && contradicts(one.statement, other.statement);
}

export function evidenceOf(about: Evidence['about'], one: Statement, other: Statement): Evidence {
  const statements = one.id < other.id ? ([one, other] as const) : ([other, one] as const);
  return { kid: one.kid, voter: one.payload.voter, about, statements };
}
