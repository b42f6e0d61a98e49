import { GENESIS, type SetAction } from './body.ts';
import { rankOfType } from './least-type.ts';
import { ALL_RULES, type Switches } from './switches.ts';
import type { Decision } from './views.ts';

/** The voted policy: which decision each key stands at, and which decisions others outrank. */
export interface Folded {
  /** Key → id of the decision that is its current version. */
  readonly current: ReadonlyMap<string, string>;
  readonly standing: ReadonlyMap<string, 'in-force' | 'superseded'>;
  /** How many decisions each key has gone through. */
  readonly depth: ReadonlyMap<string, number>;
  readonly decisions: ReadonlyMap<string, Decision>;
}

interface Candidate {
  readonly decision: Decision;
  readonly writes: readonly SetAction[];
  readonly rank: number;
}

/**
 * The state that a set of decisions makes, in whatever order they came: again and again, of those whose every base is the
 * current version, the one with the highest support (the highest rank among itself and all that builds on it), then the
 * highest rank, then the smallest id; all of its writes or none.
 */
export function fold(decisions: Iterable<Decision>, off: Switches = ALL_RULES): Folded {
  const byId = new Map([...decisions].map((decision) => [decision.id, decision]));
  const candidates = new Map<string, Candidate>();
  for (const decision of byId.values()) {
    const writes = decision.actions.filter((action) => action.op === 'set');
    candidates.set(decision.id, { decision, writes, rank: rankOfType(decision.type) });
  }
  const support = supportOf(candidates);
  const weightOf = (id: string): number => (off.has('support-orders') ? 0 : (support.get(id) ?? 0));
  const precedes = (one: Candidate, other: Candidate): boolean => {
    const bySupport = weightOf(one.decision.id) - weightOf(other.decision.id);
    if (bySupport !== 0) return bySupport > 0;
    return one.rank === other.rank ? one.decision.id < other.decision.id : one.rank > other.rank;
  };
  return apply(candidates, byId, { precedes, compare: !off.has('compare-and-set') });
}

function supportOf(candidates: ReadonlyMap<string, Candidate>): ReadonlyMap<string, number> {
  const support = new Map([...candidates].map(([id, { rank }]) => [id, rank]));
  const open = [...candidates.values()];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const mine = support.get(one.decision.id) ?? 0;
    for (const { base } of one.writes) {
      const below = candidates.get(base);
      if (below === undefined || (support.get(base) ?? 0) >= mine) continue;
      support.set(base, mine);
      open.push(below);
    }
  }
  return support;
}

interface Order {
  readonly precedes: (one: Candidate, other: Candidate) => boolean;
  readonly compare: boolean;
}

function apply(
  candidates: ReadonlyMap<string, Candidate>,
  decisions: ReadonlyMap<string, Decision>,
  order: Order,
): Folded {
  const current = new Map<string, string>();
  const depth = new Map<string, number>();
  const standing = new Map<string, 'in-force' | 'superseded'>();
  const waiting = new Map<string, Candidate[]>();
  const isReady = ({ writes }: Candidate): boolean =>
    !order.compare || writes.every(({ key, base }) => (current.get(key) ?? GENESIS) === base);
  const ready = new Heap(order.precedes);
  for (const candidate of candidates.values()) {
    if (isReady(candidate)) ready.push(candidate);
    else for (const { base } of candidate.writes) waiting.set(base, [...(waiting.get(base) ?? []), candidate]);
  }
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    const { id } = next.decision;
    // A version that was left never returns, so what isn't ready any more never will be.
    if (standing.has(id) || !isReady(next)) continue;
    for (const { key } of next.writes) {
      current.set(key, id);
      depth.set(key, (depth.get(key) ?? 0) + 1);
    }
    standing.set(id, 'in-force');
    for (const candidate of waiting.get(id) ?? []) if (isReady(candidate)) ready.push(candidate);
  }
  for (const id of candidates.keys()) if (!standing.has(id)) standing.set(id, 'superseded');
  return { current, depth, standing, decisions };
}

/** A binary heap: what precedes all others is popped first. */
class Heap {
  readonly #items: Candidate[] = [];
  readonly #precedes: Order['precedes'];

  constructor(precedes: Order['precedes']) {
    this.#precedes = precedes;
  }

  push(item: Candidate): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, above)) return;
      at = above;
    }
  }

  pop(): Candidate | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (first === undefined || last === undefined || this.#items.length === 0) return first;
    this.#items[0] = last;
    for (let at = 0; ; ) {
      const below = this.#firstBelow(at);
      if (below === undefined || !this.#swapIfBefore(below, at)) return first;
      at = below;
    }
  }

  #firstBelow(at: number): number | undefined {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    const [one, other] = [this.#items[left], this.#items[right]];
    if (one === undefined) return undefined;
    return other !== undefined && this.#precedes(other, one) ? right : left;
  }

  #swapIfBefore(below: number, above: number): boolean {
    const [one, other] = [this.#items[below], this.#items[above]];
    if (one === undefined || other === undefined || !this.#precedes(one, other)) return false;
    this.#items[above] = one;
    this.#items[below] = other;
    return true;
  }
}
