import type { Book } from './book.ts';
import type { StatementOf } from './statement.ts';

/** All of an epoch that a fence rests on, or the ids that are missing to say so. */
export type Closure =
  | { readonly kind: 'complete'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'incomplete'; readonly missing: readonly string[] };

/**
 * What a fence closes over: its own log and every log that it cites, back to the start of the epoch. A fence that rests
 * on what nobody has is never complete, so it can't hold the others up: it counts as withheld.
 */
export function closureOf(fence: StatementOf<'fence'>, book: Book): Closure {
  const ids = new Set<string>([fence.id]);
  const missing: string[] = [];
  const open = [...fence.payload.body.heads, ...prevOf(fence.payload.prev)];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (ids.has(id)) continue;
    const statement = book.get(id);
    if (statement === undefined) missing.push(id);
    else if (statement.payload.ep === fence.payload.ep) {
      ids.add(id);
      open.push(...prevOf(statement.payload.prev));
    }
  }
  return missing.length === 0 ? { kind: 'complete', ids } : { kind: 'incomplete', missing };
}

function prevOf(prev: string | null): readonly string[] {
  return prev === null ? [] : [prev];
}
