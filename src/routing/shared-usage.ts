const SLOT_MS = 5_000;
/** One more than a minute has, so that nothing is forgotten before a minute has passed. */
const SLOTS = 13;
const SILENT_MS = 65_000;
/** Somebody's own calls are admitted up to here, whatever others say was used: a twentieth of the limit, over all nodes. */
const FLOOR_SHARE = 20;
/** Of what is left, what one node takes in a round without having heard of the others. */
const HELPING_SHARE = 8;
/** So many calls come through at once at each node, however many nodes there are. */
const BURST = 5;
/** In each of two generations: what was not used since the last one filled up is forgotten. */
const MAX_KEYS = 10_000;
const MAX_NODES = 1_024;

/** How long what a node said may be on its way before limits are passed by more than the bound. */
const ROUND_MS = 400;
/** Keys that are told of: the busiest. */
const MAX_TOLD = 512;

interface Own {
  readonly slots: number[];
  slot: number;
  total: number;
  credit: number;
  roundEndMs: number;
}

interface Heard {
  readonly counts: ReadonlyMap<string, number>;
  readonly atMs: number;
}

interface SharedLimit {
  readonly perMinute: number;
  /** Of the village, this one included. */
  readonly nodes: number;
  /** Milliseconds of a clock that does not go back. */
  readonly nowMs: number;
}

/**
 * What was called in the last minute, here and at other nodes as far as they told, and whether one more call of a key keeps the whole
 * village under its limit. A node that was quiet may take its share of what is left at once; after that it earns an eighth of its
 * share a round, and keeps at most the share. With `n` nodes whose words arrive within a round the village admits at most 1.2 × the limit, or, where the limit is
 * below 5n, `BURST` calls a node more. Bounded: keys, nodes, and what is told.
 */
export class SharedUsage {
  #own = new Map<string, Own>();
  #older = new Map<string, Own>();
  readonly #heard = new Map<string, Heard>();
  readonly #others = new Map<string, number>();

  /** Keys of this node, and of others, remembered now. */
  get size(): { readonly own: number; readonly others: number } {
    return { own: this.#own.size + this.#older.size, others: this.#others.size };
  }

  /** Counts a call and answers 0, or the milliseconds after which to ask again. */
  take(key: string, { perMinute, nodes, nowMs }: SharedLimit): number {
    const own = this.#ownOf(key, nowMs);
    const left = perMinute - own.total - (this.#others.get(key) ?? 0);
    if (nodes <= 1 && left >= 1) return admit(own);
    if (own.total < Math.max(1, Math.floor(perMinute / (FLOOR_SHARE * nodes)))) return admit(own);
    if (left < 1) return SLOT_MS;
    if (perMinute < BURST * nodes && own.total < BURST) {
      own.credit = 0;
      own.roundEndMs = nowMs + ROUND_MS;
      return admit(own);
    }
    // The last calls of a limit are fewer than the nodes: still a whole one is needed to let one through.
    const share = Math.max(1, left / nodes);
    earn(own, { share, atOnce: (left + own.total) / nodes - own.total, nowMs });
    if (own.credit < 1) {
      const rounds = Math.ceil(((1 - own.credit) * HELPING_SHARE) / share);
      return Math.max(1, Math.ceil(own.roundEndMs - nowMs + (rounds - 1) * ROUND_MS));
    }
    own.credit -= 1;
    return admit(own);
  }

  /** Calls of the last minute by key, the busiest first, at most `MAX_TOLD`. */
  told(nowMs: number): (readonly [key: string, count: number])[] {
    const counts: (readonly [string, number])[] = [];
    for (const generation of [this.#own, this.#older]) {
      for (const [key, own] of generation) {
        advance(own, nowMs);
        if (own.total > 0) counts.push([key, own.total]);
        else generation.delete(key);
      }
    }
    return counts.sort(([, one], [, other]) => other - one).slice(0, MAX_TOLD);
  }

  /** What a node says of its last minute replaces what it said before. */
  heard(nodeId: string, counts: ReadonlyMap<string, number>, nowMs: number): void {
    this.#forget(nodeId);
    this.forgetSilent(nowMs);
    if (counts.size === 0 || this.#heard.size >= MAX_NODES) return;
    this.#heard.set(nodeId, { counts, atMs: nowMs });
    for (const [key, count] of counts) this.#others.set(key, (this.#others.get(key) ?? 0) + count);
  }

  /** What was said a minute ago is over. */
  forgetSilent(nowMs: number): void {
    for (const [nodeId, { atMs }] of this.#heard) if (nowMs - atMs >= SILENT_MS) this.#forget(nodeId);
  }

  #forget(nodeId: string): void {
    const known = this.#heard.get(nodeId);
    if (known === undefined) return;
    this.#heard.delete(nodeId);
    for (const [key, count] of known.counts) {
      const rest = (this.#others.get(key) ?? 0) - count;
      if (rest > 0) this.#others.set(key, rest);
      else this.#others.delete(key);
    }
  }

  #ownOf(key: string, nowMs: number): Own {
    const known = this.#own.get(key);
    if (known !== undefined) {
      advance(known, nowMs);
      return known;
    }
    const old = this.#older.get(key);
    if (old !== undefined) {
      this.#older.delete(key);
      advance(old, nowMs);
    }
    const own = old ?? freshAt(nowMs);
    // The bucket of this node holds for what is forgotten here.
    if (this.#own.size >= MAX_KEYS) {
      this.#older = this.#own;
      this.#own = new Map();
    }
    this.#own.set(key, own);
    return own;
  }
}

function freshAt(nowMs: number): Own {
  const slots = Array.from({ length: SLOTS }, () => 0);
  return { slots, slot: Math.floor(nowMs / SLOT_MS), total: 0, credit: 0, roundEndMs: 0 };
}

/** What is due at once to who was quiet; then an eighth of the share for each round that passed, asked or not, as long as no more than the share is kept. */
function earn(
  own: Own,
  { share, atOnce, nowMs }: { readonly share: number; readonly atOnce: number; readonly nowMs: number },
): void {
  if (nowMs < own.roundEndMs) return;
  const isFirst = own.roundEndMs === 0;
  if (isFirst && own.total <= 1) {
    own.credit = Math.max(0, atOnce);
  } else {
    const rounds = isFirst ? 1 : 1 + Math.floor((nowMs - own.roundEndMs) / ROUND_MS);
    own.credit = Math.min(share, own.credit + ((rounds - 1) * share) / HELPING_SHARE) + share / HELPING_SHARE;
    if (!isFirst) own.roundEndMs += (rounds - 1) * ROUND_MS;
  }
  own.roundEndMs = (isFirst ? nowMs : own.roundEndMs) + ROUND_MS;
}

function admit(own: Own): 0 {
  const at = own.slot % SLOTS;
  own.slots[at] = (own.slots[at] ?? 0) + 1;
  own.total += 1;
  return 0;
}

function advance(own: Own, nowMs: number): void {
  const slot = Math.floor(nowMs / SLOT_MS);
  if (slot <= own.slot) return;
  for (let next = Math.max(own.slot + 1, slot - SLOTS + 1); next <= slot; next += 1) {
    own.total -= own.slots[next % SLOTS] ?? 0;
    own.slots[next % SLOTS] = 0;
  }
  own.slot = slot;
  if (own.total === 0) own.roundEndMs = 0;
}
