import { type Anchored, type Contradiction, type HeldHead, thinned } from '../../src/audit/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store, StoreChange } from '../storage/index.ts';

const DIGITS = 16;
const HEADS = { gte: 'w/', lt: 'w0' } as const;
const EVIDENCE = { gte: 'x/', lt: 'x0' } as const;
/** Heads and evidence that an operator put aside keep their keys behind this. */
const ASIDE = 'y/';
const MAX_NODES = 2_048;
/** Heads held of one node: what a node rewrote a few minutes of stays contradicted for hours, an hour of it for days. */
const MAX_HELD = 256;
/** Contradictions kept of one node: one is proof enough. */
const MAX_EVIDENCE = 16;

/** Two heads that one node signed and that cannot both be true. */
export interface Evidence {
  readonly node: string;
  readonly kind: Contradiction;
  /** The entry that the head held is about. */
  readonly seq: number;
  readonly held: Anchored;
  /** The head that contradicts it. */
  readonly offered: string;
  readonly atMs: number;
}

/** Entries of which heads were held, and what was held of the last one. */
export interface PutAside {
  readonly from: number;
  readonly to: number;
  readonly hash: string;
}

/** What this node holds of the logs of others. Told is only what is on disk. */
export class WitnessBook {
  readonly #store: Pick<Store, 'batch' | 'entries' | 'put'>;
  readonly #most: number;
  readonly #held = new Map<string, HeldHead[]>();
  readonly #evidence = new Map<string, Evidence[]>();

  private constructor(store: Pick<Store, 'batch' | 'entries' | 'put'>, most: number) {
    this.#store = store;
    this.#most = most;
  }

  /** `most`: heads held of one node. */
  static async open(store: Pick<Store, 'batch' | 'entries' | 'put'>, most: number = MAX_HELD): Promise<WitnessBook> {
    const book = new WitnessBook(store, most);
    for await (const [key, value] of store.entries(HEADS)) {
      const { seq, hash, at_ms: atMs } = JSON.parse(text(value)) as HeldHead;
      listIn(book.#held, nodeOf(key)).push({ seq, hash, at_ms: atMs });
    }
    for await (const [key, value] of store.entries(EVIDENCE)) {
      listIn(book.#evidence, nodeOf(key)).push(JSON.parse(text(value)) as Evidence);
    }
    return book;
  }

  heldOf(node: string): readonly HeldHead[] {
    return this.#held.get(node) ?? [];
  }

  /** Whether there is room for the heads of `node`. */
  hasRoomFor(node: string): boolean {
    return this.#held.has(node) || this.#held.size < MAX_NODES;
  }

  /** Oldest first, as their nodes and this one signed them. */
  anchorsOf(node: string): Promise<Anchored[]> {
    return this.#anchorsIn(`w/${node}`);
  }

  /** Those that were put aside, oldest first. */
  asideOf(node: string): Promise<Anchored[]> {
    return this.#anchorsIn(`${ASIDE}w/${node}`);
  }

  async #anchorsIn(place: string): Promise<Anchored[]> {
    const anchors: Anchored[] = [];
    for await (const [, value] of this.#store.entries({ gte: `${place}/`, lt: `${place}0` })) {
      const { head, anchor } = JSON.parse(text(value)) as Anchored;
      anchors.push({ head, anchor });
    }
    return anchors;
  }

  /**
   * Judges `node` no longer by what is held of entries after `after`, nor by what that proved: it is put aside, on disk, when it
   * resolves. Answers the entries; undefined: none are held.
   */
  async putAside(node: string, { after }: { readonly after: number }): Promise<PutAside | undefined> {
    const gone = this.heldOf(node).filter(({ seq }) => seq > after);
    const [first, last] = [gone[0], gone.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const changes: StoreChange[] = [];
    const aside = async (range: { gte: string; lt: string }): Promise<void> => {
      for await (const [key, value] of this.#store.entries(range))
        changes.push({ type: 'put', key: `${ASIDE}${key}`, value }, { type: 'del', key });
    };
    await aside({ gte: headKey(node, after + 1), lt: `w/${node}0` });
    await aside({ gte: `x/${node}/`, lt: `x/${node}0` });
    await this.#store.batch(changes, { sync: true });
    this.#held.set(
      node,
      this.heldOf(node).filter(({ seq }) => seq <= after),
    );
    this.#evidence.delete(node);
    return { from: first.seq, to: last.seq, hash: last.hash };
  }

  /** On disk when it resolves; of many, older ones make room. */
  async keep(node: string, head: HeldHead, anchored: Anchored): Promise<void> {
    const held = [...this.heldOf(node), head].sort((one, other) => one.seq - other.seq);
    const kept = new Set(
      thinned(
        held.map(({ seq }) => seq),
        this.#most,
      ),
    );
    const { seq, hash, at_ms: atMs } = head;
    const value = utf8(JSON.stringify({ seq, hash, at_ms: atMs, ...anchored }));
    const changes: StoreChange[] = held
      .filter((one) => !kept.has(one.seq))
      .map((one) => ({ type: 'del', key: headKey(node, one.seq) }));
    await this.#store.batch([...changes, { type: 'put', key: headKey(node, seq), value }], { sync: true });
    this.#held.set(
      node,
      held.filter((one) => kept.has(one.seq)),
    );
  }

  /** Keeps what cannot both be true. False: it was known, or there is enough of it. */
  async keepEvidence(evidence: Evidence): Promise<boolean> {
    const known = listIn(this.#evidence, evidence.node);
    if (known.length >= MAX_EVIDENCE) return false;
    if (known.some(({ kind, seq }) => kind === evidence.kind && seq === evidence.seq)) return false;
    known.push(evidence);
    const key = `x/${evidence.node}/${evidence.kind}-${digits(evidence.seq)}`;
    await this.#store.put(key, utf8(JSON.stringify(evidence)), { sync: true });
    return true;
  }

  /** Everything that proves a node of lying about its log, or of having lost a part of it. */
  evidence(): readonly Evidence[] {
    return [...this.#evidence.values()].flat();
  }
}

function headKey(node: string, seq: number): string {
  return `w/${node}/${digits(seq)}`;
}

function digits(seq: number): string {
  return String(seq).padStart(DIGITS, '0');
}

function nodeOf(key: string): string {
  return key.slice(2, key.indexOf('/', 2));
}

function listIn<Item>(lists: Map<string, Item[]>, name: string): Item[] {
  const list = lists.get(name) ?? [];
  lists.set(name, list);
  return list;
}
