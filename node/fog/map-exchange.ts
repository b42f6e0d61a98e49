import type { Told } from '../../protocols/fog/index.ts';
import type { OwnerState } from '../../src/fog/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { MapPublisher } from './map-publisher.ts';
import type { FogClock } from './ports.ts';
import { aliasOf } from './serving/index.ts';
import type { KnownMap, ShardMaps } from './shard-maps.ts';
import type { FogWire } from './wire.ts';

const PROVIDE_MS = 10_000;
const PUBLISH_MS = 50;
/** How long a map is looked for that was never heard of. */
const FIND_MS = 3_000;
/** Who says that it has a map is asked, so many at most. */
const MAX_ASKED = 3;
/** What nobody had is not looked for again so soon. */
const MISSING_MS = 5_000;
const MAX_MISSING = 256;

export interface MapExchangeParts {
  readonly host: Pick<MeshHost, 'nodeId' | 'admitted' | 'provide' | 'unprovide' | 'findProviders'>;
  readonly clock: Pick<FogClock, 'after' | 'now'>;
  readonly maps: ShardMaps;
  readonly publisher: MapPublisher;
  readonly wire: () => Pick<FogWire, 'tell' | 'tellOne' | 'askMap'>;
  readonly state: () => OwnerState;
  /** The maps of this node's own deployments are out. */
  readonly onPublished: () => void;
  readonly onFailed: (error: unknown) => void;
}

/** Tells others where the slots of this node's deployments are, and asks for the maps of theirs. */
export class MapExchange {
  readonly #parts: MapExchangeParts;
  readonly #dirty = new Set<string>();
  /** deployment → under which name the DHT says that this node has its map. */
  readonly #provided = new Map<string, string>();
  readonly #missing = new Map<string, number>();
  readonly #looking = new Map<string, Promise<KnownMap | undefined>>();

  constructor(parts: MapExchangeParts) {
    this.#parts = parts;
  }

  /** Several changes of a deployment in one moment are one map. */
  publish(deployment: string): void {
    if (this.#dirty.size === 0) this.#parts.clock.after(PUBLISH_MS, () => this.#flush());
    this.#dirty.add(deployment);
  }

  /** `named`: a deployment, or the name of its server. */
  answer(named: string, from: string): void {
    const { maps, wire } = this.#parts;
    // Who asks has met what is old.
    if (this.#dirty.size > 0) this.#flush();
    const byName = maps.named(named);
    const known = byName === undefined ? maps.of(named) : [byName];
    for (const { token } of known) wire().tellOne(from, { kind: 'map', map: token });
  }

  /** It comes when it comes. */
  ask(nodeId: string, named: string): void {
    if (nodeId !== this.#parts.host.nodeId) this.#parts.wire().askMap(nodeId, named);
  }

  /** The map of a server that gossip did not bring, from whoever the DHT says has it; undefined: nobody told it in time. Never rejects. */
  find(alias: string): Promise<KnownMap | undefined> {
    const begun = this.#looking.get(alias);
    if (begun !== undefined) return begun;
    if ((this.#missing.get(alias) ?? 0) > this.#parts.clock.now()) return Promise.resolve(undefined);
    const looking = this.#lookFor(alias).finally(() => this.#looking.delete(alias));
    this.#looking.set(alias, looking);
    return looking;
  }

  async #lookFor(alias: string): Promise<KnownMap | undefined> {
    const { maps, host } = this.#parts;
    const found = new AbortController();
    const signal = AbortSignal.any([found.signal, AbortSignal.timeout(FIND_MS)]);
    const heard = maps.heard((known) => known.alias === alias, { signal });
    void heard.then(() => found.abort());
    try {
      for await (const nodeId of host.findProviders(hintOf(alias), { signal, limit: MAX_ASKED })) {
        this.ask(nodeId, alias);
      }
    } catch (error) {
      this.#parts.onFailed(error);
    }
    const known = await heard;
    if (known === undefined) this.#isMissing(alias);
    return known;
  }

  #isMissing(alias: string): void {
    this.#missing.delete(alias);
    this.#missing.set(alias, this.#parts.clock.now() + MISSING_MS);
    if (this.#missing.size > MAX_MISSING) this.#missing.delete(this.#missing.keys().next().value as string);
  }

  #flush(): void {
    const { publisher, maps, wire, state, onPublished } = this.#parts;
    for (const deployment of this.#dirty) {
      const map = publisher.sign(deployment, state());
      maps.hear(map);
      const told: Told = { kind: 'map', map };
      void wire().tell(told);
      this.#hint(deployment);
    }
    this.#dirty.clear();
    onPublished();
  }

  /** For those that gossip did not reach. */
  #hint(deployment: string): void {
    const { host, state } = this.#parts;
    const known = state().deployments.get(deployment);
    const before = this.#provided.get(deployment);
    if (known === undefined) {
      if (before === undefined) return;
      this.#provided.delete(deployment);
      void host.unprovide(hintOf(before)).catch(this.#parts.onFailed);
    } else if (before === undefined && host.admitted().size > 0) {
      const alias = aliasOf({ owner: host.nodeId, deployment, agentType: known.spec.agentType });
      this.#provided.set(deployment, alias);
      const signal = AbortSignal.timeout(PROVIDE_MS);
      void host.provide(hintOf(alias), { signal }).catch(() => this.#provided.delete(deployment));
    }
  }
}

function hintOf(alias: string): string {
  return `fog/map/${alias}`;
}
