import type { LocalHosting } from '../../backends/index.ts';
import { type Member, ShardGroup } from './shard-group.ts';

export type GuestHosting = Pick<LocalHosting, 'addGuest' | 'removeGuest' | 'guestChanged'>;

/** Registers the slots that run here, one server a deployment, for as long as any of its slots does. */
export class ShardGroups {
  readonly #hosting: GuestHosting;
  readonly #groups = new Map<string, ShardGroup>();

  constructor(hosting: GuestHosting) {
    this.#hosting = hosting;
  }

  /** False: another server of this node has the name, and the slot is not reachable under it. */
  add(alias: string, member: Member): boolean {
    const known = this.#groups.get(alias);
    if (known !== undefined) {
      known.add(member);
      return true;
    }
    const onChange = (changed: string): void => this.#hosting.guestChanged(changed);
    const group = new ShardGroup(alias, { share: 'mesh', onChange });
    group.add(member);
    if (!this.#hosting.addGuest(group)) return false;
    this.#groups.set(alias, group);
    return true;
  }

  remove(alias: string, place: { readonly slot: number; readonly epoch: number }): void {
    const group = this.#groups.get(alias);
    group?.remove(place);
    if (group?.size !== 0) return;
    this.#groups.delete(alias);
    this.#hosting.removeGuest(alias);
  }
}
