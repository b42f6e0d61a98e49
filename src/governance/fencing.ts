import type { Book } from './book.ts';
import { closureOf } from './closure.ts';
import type { EpochRules } from './validity.ts';
import type { StatementOf } from './statement.ts';
import type { Switches } from './switches.ts';

type Fence = StatementOf<'fence'>;

/** Of one key, for one change and one way of closing. More are not kept. */
export const MAX_FENCES = 16;

/** A fence that counts, and all of the epoch that it rests on. */
export interface GoodFence {
  readonly fence: Fence;
  readonly ids: ReadonlySet<string>;
}

export interface Fencing {
  readonly change: string;
  readonly signers: readonly string[];
  readonly leaving: readonly string[];
  readonly off: Switches;
}

/** One way in which an epoch was closed: by all who must, or by all but one. */
export interface Closure {
  readonly without: string | null;
  readonly fences: readonly Fence[];
  readonly counts: ReadonlySet<string>;
}

/** The fences for a change that count, and the ids that are missing to say so of the others. */
export function goodFences(
  book: Book,
  epoch: EpochRules,
  fencing: Fencing,
): { readonly good: readonly GoodFence[]; readonly lacking: readonly string[] } {
  const { change, signers, leaving, off } = fencing;
  const good: GoodFence[] = [];
  const lacking: string[] = [];
  for (const fence of book.fences.get(change) ?? []) {
    const { ep, voter, body } = fence.payload;
    // Nobody has a say in how the others close without it.
    if (body.without === voter) continue;
    if (ep !== epoch.ep || !signers.includes(voter) || epoch.rules.kids.get(voter) !== fence.kid) continue;
    const closure = closureOf(fence, book);
    if (closure.kind === 'incomplete' && !off.has('closing-waits')) lacking.push(...closure.missing);
    else {
      const ids = closure.kind === 'complete' ? closure.ids : new Set([fence.id]);
      if (leaving.includes(voter) || citesAll(book, ids, { change, leaving, without: fence.payload.body.without })) {
        good.push({ fence, ids });
      }
    }
  }
  return { good, lacking };
}

/** Those who stay close after those who leave, so that nothing which a leaving key signed in time is lost. */
function citesAll(
  book: Book,
  ids: ReadonlySet<string>,
  options: { change: string; leaving: readonly string[]; without: string | null },
): boolean {
  const cited = new Set(
    (book.fences.get(options.change) ?? []).filter(({ id }) => ids.has(id)).map(({ payload }) => payload.voter),
  );
  return options.leaving.every((voter) => voter === options.without || cited.has(voter));
}

/** Whether enough have signed: all, or all but one who then must be one of three or more. undefined: not yet. */
export function enough(fencing: {
  readonly signers: readonly string[];
  readonly signed: ReadonlyMap<string | null, ReadonlySet<string>>;
}): string | null | undefined {
  return waysToClose(fencing)[0];
}

/** The others' word counts more than that of the one they waited for in vain, so that who comes late converges with them. */
function waysToClose({
  signers,
  signed,
}: {
  readonly signers: readonly string[];
  readonly signed: ReadonlyMap<string | null, ReadonlySet<string>>;
}): readonly (string | null)[] {
  const ways: (string | null)[] = [...signers].sort().filter((absent) => {
    const others = signers.filter((voter) => voter !== absent);
    return others.length >= 2 && others.every((voter) => signed.get(absent)?.has(voter));
  });
  return signers.every((voter) => signed.get(null)?.has(voter)) ? [...ways, null] : ways;
}

/** Every way in which the fences close the epoch, the one that counts first. */
export function closuresOf(
  good: readonly GoodFence[],
  signed: ReadonlyMap<string | null, ReadonlySet<string>>,
  { signers, leaving, off }: Fencing,
): readonly Closure[] {
  return waysToClose({ signers, signed }).map((without) => {
    const agreed = good.filter(({ fence }) => fence.payload.body.without === without);
    // What a leaving key signs counts as far as those who stay have cited it, and no further: it may be in other hands.
    const staying = agreed.filter(
      ({ fence }) => leaving.length === signers.length || !leaving.includes(fence.payload.voter),
    );
    const counts = countedBy(staying, { agreed, off });
    return { without, fences: agreed.map(({ fence }) => fence), counts };
  });
}

/**
 * What one voter fences twice counts as far as both agree: what was closed can't be opened again to let something in. And it
 * can't be emptied either: where all who stay contradict themselves, those who leave are heard as well.
 */
function countedBy(
  staying: readonly GoodFence[],
  { agreed, off }: { readonly agreed: readonly GoodFence[]; readonly off: Switches },
): ReadonlySet<string> {
  if (off.has('one-fence')) return new Set(staying.flatMap(({ ids }) => [...ids]));
  const isHonest = staying.some(({ fence }) => staying.filter((one) => one.fence.kid === fence.kid).length === 1);
  const byVoter = new Map<string, { readonly ids: ReadonlySet<string>; readonly fences: number }>();
  for (const { fence, ids } of isHonest ? staying : agreed) {
    const before = byVoter.get(fence.kid) ?? { ids, fences: 0 };
    byVoter.set(fence.kid, { ids: both(before.ids, ids), fences: before.fences + 1 });
  }
  // Of whoever fenced that often others may hold other fences than we do.
  const heard = [...byVoter.values()].filter(({ fences }) => fences < MAX_FENCES);
  return new Set(heard.flatMap(({ ids }) => [...ids]));
}

export function both(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((id) => other.has(id)));
}
