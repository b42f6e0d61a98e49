import { z } from 'zod';
import { text, utf8 } from '../../src/kernel/index.ts';
import { type Fence, type JournaledPlacement, type NodeEffect, slotKey } from '../../src/fog/index.ts';
import type { Store, StoreChange } from '../storage/index.ts';
import { FogError } from './fog-error.ts';

const Count = z.int().nonnegative();
const Fenced = z.strictObject({ term: Count, epoch: Count });
const Placed = z.strictObject({
  placementId: z.string().min(1).max(96),
  reservationId: z.string().min(1).max(96),
  slot: z.strictObject({ owner: z.string(), deployment: z.string(), slot: Count }),
  fence: Fenced,
});

export type NodeEntry = Extract<NodeEffect, { kind: 'journal' | 'forget' | 'forget-fence' }>;

/** What of this node's promises must outlive it: the highest fence of each slot, and the placements that had not ended. */
export class NodeJournal {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves after fsync, where something is promised; what is forgotten may come back. */
  async write(entries: readonly NodeEntry[]): Promise<void> {
    const sync = entries.some(({ kind }) => kind === 'journal');
    await this.#store.batch(entries.flatMap(changesOf), { sync });
  }

  /** Errors: STORE_FAILED; FogError JOURNAL_DAMAGED, since what is not known must not be taken for nothing. */
  async load(): Promise<{
    readonly fences: ReadonlyMap<string, Fence>;
    readonly placements: readonly JournaledPlacement[];
  }> {
    const fences = new Map<string, Fence>();
    const placements: JournaledPlacement[] = [];
    for await (const [key, bytes] of this.#store.entries()) {
      if (key.startsWith('fence/')) fences.set(key.slice('fence/'.length), fromJson(Fenced, key, bytes));
      else if (key.startsWith('placement/')) placements.push(fromJson(Placed, key, bytes));
    }
    return { fences, placements };
  }
}

function changesOf(entry: NodeEntry): readonly StoreChange[] {
  switch (entry.kind) {
    case 'journal': {
      const { placement } = entry;
      const { placementId, slot, fence } = placement;
      return [
        { type: 'put', key: `placement/${placementId}`, value: asJson(placement) },
        { type: 'put', key: `fence/${slotKey(slot)}`, value: asJson(fence) },
      ];
    }
    case 'forget':
      return [{ type: 'del', key: `placement/${entry.placementId}` }];
    case 'forget-fence':
      return [{ type: 'del', key: `fence/${entry.slotKey}` }];
  }
}

function asJson(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

/** Errors: FogError JOURNAL_DAMAGED. */
export function fromJson<Shape extends z.ZodType>(shape: Shape, key: string, bytes: Uint8Array): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(text(bytes)));
  } catch (cause) {
    throw new FogError('JOURNAL_DAMAGED', `the fog journal is damaged at ${key}`, { cause });
  }
}
