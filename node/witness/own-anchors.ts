import { type Anchored, type VerifiedAnchor, verifyAnchor } from '../../src/audit/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';
import type { WitnessOwner } from './ports.ts';

const ANCHORS = { gte: 'a/', lt: 'a0' } as const;
const MAX_WITNESSES = 256;

export interface OwnAnchor extends VerifiedAnchor {
  readonly anchored: Anchored;
}

/** What witnesses signed of this node's log, the newest of each. Proof to show; the witnesses' own copies are what cannot be rewritten here. */
export class OwnAnchors {
  readonly #store: Pick<Store, 'put' | 'entries'>;
  readonly #newest: Map<string, OwnAnchor>;

  private constructor(store: Pick<Store, 'put' | 'entries'>, newest: Map<string, OwnAnchor>) {
    this.#store = store;
    this.#newest = newest;
  }

  static async open(store: Pick<Store, 'put' | 'entries'>, owner: WitnessOwner): Promise<OwnAnchors> {
    const newest = new Map<string, OwnAnchor>();
    for await (const anchor of storedAnchors(store, owner)) newest.set(anchor.witness, anchor);
    return new OwnAnchors(store, newest);
  }

  of(witness: string): OwnAnchor | undefined {
    return this.#newest.get(witness);
  }

  all(): readonly OwnAnchor[] {
    return [...this.#newest.values()];
  }

  /** The last entry that a witness has seen; 0: none. */
  get seq(): number {
    let last = 0;
    for (const { head } of this.#newest.values()) last = Math.max(last, head.seq);
    return last;
  }

  async keep(anchor: OwnAnchor): Promise<void> {
    if (!this.#newest.has(anchor.witness) && this.#newest.size >= MAX_WITNESSES) return;
    this.#newest.set(anchor.witness, anchor);
    await this.#store.put(`a/${anchor.witness}`, utf8(JSON.stringify(anchor.anchored)));
  }
}

/** Those on disk that verify. */
export async function* storedAnchors(
  store: Pick<Store, 'entries'>,
  owner: WitnessOwner,
): AsyncGenerator<OwnAnchor, void, undefined> {
  for await (const [, value] of store.entries(ANCHORS)) {
    const anchored = JSON.parse(text(value)) as Anchored;
    const verified = verifyAnchor(anchored, owner);
    if (verified !== undefined) yield { ...verified, anchored };
  }
}
