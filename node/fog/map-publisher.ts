import { MAP_TYPE, type Sign } from '../../protocols/fog/index.ts';
import { NOTHING, type OwnerState, type ShardMap, type SlotState, total } from '../../src/fog/index.ts';
import type { FogClock } from './ports.ts';

type Entry = ShardMap['slots'][number];

/** Where the slots of this node's deployments are, signed anew whenever that changes. */
export class MapPublisher {
  readonly #parts: { readonly villageId: string; readonly sign: Sign; readonly clock: Pick<FogClock, 'wallMs'> };
  readonly #revs = new Map<string, number>();
  readonly #types = new Map<string, string>();

  constructor(parts: { villageId: string; sign: Sign; clock: Pick<FogClock, 'wallMs'> }) {
    this.#parts = parts;
  }

  /** A deployment that is gone has a last map without slots. */
  sign(deployment: string, state: OwnerState): string {
    const { villageId, sign, clock } = this.#parts;
    // Numbers rise across starts and copies put back: the clock is what an owner does not lose with its disk.
    const rev = Math.max((this.#revs.get(deployment) ?? 0) + 1, Math.floor(clock.wallMs()));
    this.#revs.set(deployment, rev);
    const known = state.deployments.get(deployment);
    if (known !== undefined) this.#types.set(deployment, known.spec.agentType);
    const all = [...state.deployments.values()].flatMap((one) => Array.from({ length: one.slots }, () => one.spec.res));
    const map: ShardMap = {
      v: 1,
      village: villageId,
      owner: state.config.node,
      deployment,
      agentType: this.#types.get(deployment) ?? '',
      term: known?.term ?? 1,
      rev,
      total: all.length === 0 ? NOTHING : total(all),
      slots: known === undefined ? [] : entriesOf(state, deployment),
    };
    return sign(MAP_TYPE, map);
  }
}

function entriesOf(state: OwnerState, deployment: string): Entry[] {
  return [...(state.slots.get(deployment)?.values() ?? [])].map(({ slot, epoch, holder, state: now }) => ({
    slot,
    epoch,
    node: holder?.node ?? null,
    placementId: holder?.placementId ?? null,
    addrs: [],
    state: holder?.state === 'stopping' ? 'fenced' : shown(now),
  }));
}

function shown(state: SlotState): Entry['state'] {
  switch (state) {
    // Who is suspected may still hold the slot: it is asked, and says itself whether it does.
    case 'running':
    case 'suspect':
      return 'running';
    case 'accepting':
    case 'uncertain':
    case 'starting':
      return 'starting';
    case 'fenced':
      return 'fenced';
    default:
      return 'down';
  }
}
