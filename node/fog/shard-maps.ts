import { openMap } from '../../protocols/fog/index.ts';
import { type HashedSlot, hashSlots, type ShardMap } from '../../src/fog/index.ts';
import { aliasOf } from './serving/index.ts';

const MAX_MAPS = 1_024;
const MAX_OF_ONE_OWNER = 256;

/** A map as it is kept, with what routing needs of it made once. */
export interface KnownMap {
  readonly map: ShardMap;
  /** As its owner signed it. */
  readonly token: string;
  readonly alias: string;
  readonly hashed: readonly HashedSlot[];
}

export type MapHeard = 'news' | 'known' | 'bad' | 'full';

/** Where the slots of deployments are, as their owners say: the newest map of each. */
export class ShardMaps {
  readonly #village: string;
  readonly #maps = new Map<string, KnownMap>();
  readonly #byAlias = new Map<string, KnownMap>();
  readonly #listeners = new Set<(known: KnownMap) => void>();

  constructor(village: string) {
    this.#village = village;
  }

  /** Takes in a signed map. Never throws. */
  hear(token: string): MapHeard {
    const map = openMap(token, this.#village);
    if (map === undefined) return 'bad';
    const key = keyOf(map);
    const before = this.#maps.get(key);
    if (before !== undefined && !isNewer(map, before.map)) return 'known';
    if (before === undefined && !this.#hasRoomFor(map.owner)) return 'full';
    const alias = aliasOf(map);
    const numbers = map.slots.map(({ slot }) => slot);
    const same = before !== undefined && before.map.slots.map(({ slot }) => slot).join() === numbers.join();
    const known = { map, token, alias, hashed: same ? before.hashed : hashSlots(map.deployment, numbers) };
    this.#maps.delete(key); // the newest is last
    this.#maps.set(key, known);
    const named = this.#byAlias.get(alias);
    // Whoever had a name first keeps it, for as long as it has slots.
    if (named === undefined || named.map.slots.length === 0 || keyOf(named.map) === key)
      this.#byAlias.set(alias, known);
    for (const listener of this.#listeners) listener(known);
    return 'news';
  }

  get(owner: string, deployment: string): KnownMap | undefined {
    return this.#maps.get(keyOf({ owner, deployment }));
  }

  named(alias: string): KnownMap | undefined {
    const known = this.#byAlias.get(alias);
    return known === undefined || known.map.slots.length === 0 ? undefined : known;
  }

  all(): Iterable<KnownMap> {
    return this.#maps.values();
  }

  /** The maps of a deployment, whoever owns it. */
  of(deployment: string): readonly KnownMap[] {
    return [...this.#maps.values()].filter(({ map }) => map.deployment === deployment);
  }

  /** The next news that `fits`; undefined: none came before `signal` fired. Never rejects. */
  heard(
    fits: (known: KnownMap) => boolean,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<KnownMap | undefined> {
    const { promise, resolve } = Promise.withResolvers<KnownMap | undefined>();
    const listener = (known: KnownMap): void => {
      if (fits(known)) resolve(known);
    };
    const giveUp = (): void => resolve(undefined);
    this.#listeners.add(listener);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    return promise.finally(() => {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', giveUp);
    });
  }

  /** A map without slots is the end of its deployment, and the first to go. */
  #hasRoomFor(owner: string): boolean {
    const theirs = [...this.#maps.values()].filter(({ map }) => map.owner === owner);
    if (theirs.length >= MAX_OF_ONE_OWNER && !this.#forgetEmpty(theirs)) return false;
    return this.#maps.size < MAX_MAPS || this.#forgetEmpty([...this.#maps.values()]);
  }

  #forgetEmpty(among: readonly KnownMap[]): boolean {
    const empty = among.find(({ map }) => map.slots.length === 0);
    if (empty === undefined) return false;
    this.#maps.delete(keyOf(empty.map));
    if (this.#byAlias.get(empty.alias) === empty) this.#byAlias.delete(empty.alias);
    return true;
  }
}

function keyOf({ owner, deployment }: { readonly owner: string; readonly deployment: string }): string {
  return `${owner} ${deployment}`;
}

function isNewer(map: ShardMap, than: ShardMap): boolean {
  return map.term > than.term || (map.term === than.term && map.rev > than.rev);
}
