import type { PolicyView } from '../../src/constitution/index.ts';
import { definitionParts, earlierParts, type PartKind, type Service } from '../../src/routing/index.ts';
import type { Store, StoreChange } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { boundedPins, hashOf, isEarlier, pinKey, type Pins, readPins, writePins } from './kept-pins.ts';

const MAX_SERVERS = 16_384;
/** Twice what a node can offer at one time: none crowds out another's. */
const MAX_SERVERS_OF_NODE = 512;
/** Servers whose pins are one write. */
const SAVED_AT_ONCE = 64;

/** What a third party's server describes otherwise than when it was first seen, or last approved. Hashes are SHA-256. */
export interface ChangedPart {
  readonly nodeId: string;
  /** The server's name on that node. */
  readonly server: string;
  readonly kind: PartKind;
  /** Of a template or a resource its URI; empty: what the server says of itself. */
  readonly name: string;
  readonly was: string;
  readonly is: string;
  readonly definitionHash: string;
}

interface Parts {
  readonly store: Store;
  readonly nodeId: string;
  readonly policy: () => Pick<PolicyView, 'value'>;
  readonly reporter: Reporter;
}

interface Place {
  readonly nodeId: string;
  readonly alias: string;
}

const NONE: readonly ChangedPart[] = [];

/** What an operator calls a part of a server: `ALIAS__NAME`; of what the server says of itself `ALIAS`. */
export function nameOfPart({ server, kind, name }: Pick<ChangedPart, 'server' | 'kind' | 'name'>): string {
  return kind === 'instructions' ? server : `${server}__${name}`;
}

/**
 * Keeps how the parts of each third-party server were described at first sight, through restarts, and says which are described otherwise
 * now. `tools.approved` (hashes) of the policy and `approve` make the new description the one that is kept.
 */
export class DefinitionPins {
  readonly #parts: Parts;
  readonly #pinned: Map<string, Pins>;
  readonly #looked = new Map<string, string>();
  /** By node and server; then by part. */
  readonly #changed = new Map<string, ReadonlyMap<string, ChangedPart>>();
  /** What changed, by `foundAs`, from when it is asked for to the next change: calls look here, and others may have changed much. */
  #found: ReadonlyMap<string, readonly ChangedPart[]> | undefined;
  #version = 0;
  /** What is to be written, or is gone: as it is when the disk is done with what came before. */
  readonly #unsaved = new Set<string>();
  #saving: Promise<void> | undefined;

  private constructor(parts: Parts, pinned: Map<string, Pins>) {
    this.#parts = parts;
    this.#pinned = pinned;
  }

  static async open(parts: Parts): Promise<DefinitionPins> {
    const pinned = new Map<string, Pins>();
    for await (const [key, value] of parts.store.entries({ limit: MAX_SERVERS })) {
      const pins = readPins(value);
      if (pins !== undefined) pinned.set(key, pins);
    }
    return new DefinitionPins(parts, pinned);
  }

  /** Rises whenever what is known to be changed may be another. */
  get version(): number {
    return this.#version;
  }

  /** Every part that is not as it was. */
  changed(): readonly ChangedPart[] {
    return [...this.#changed.values()].flatMap((parts) => [...parts.values()]);
  }

  /** What is known against a server whose definition has this hash; an empty hash: against the one that this node hosts. */
  changesOf(server: string, definitionHash: string): readonly ChangedPart[] {
    if (this.#changed.size === 0) return NONE;
    this.#found ??= foundBy(this.changed(), this.#parts.nodeId);
    return this.#found.get(foundAs(server, definitionHash)) ?? NONE;
  }

  /** Looks at what is offered now; cheap for what it has looked at before. */
  look(services: readonly Service[]): void {
    for (const service of services) {
      if (service.kind !== 'third_party') continue;
      for (const place of service.replicas) this.#lookAt(service, place, services);
    }
  }

  /** The policy changed: what it approves now is kept. */
  reconsider(): void {
    const approved = this.#parts.policy().value('tools.approved');
    if (!Array.isArray(approved) || this.#changed.size === 0) return;
    for (const one of this.changed()) if (approved.includes(one.is)) this.#accept(one);
  }

  /** Keeps the present description of what is called so (`nameOfPart`), at every node; answers what was approved, on disk. */
  async approve(name: string): Promise<readonly ChangedPart[]> {
    const meant = this.changed().filter((one) => nameOfPart(one) === name);
    for (const one of meant) this.#accept(one);
    await this.#saving;
    return meant;
  }

  /** Resolves when all of it is on disk. Never rejects. */
  async close(): Promise<void> {
    await this.#saving;
  }

  #lookAt({ definition, definitionHash }: Service, { nodeId, alias }: Place, all: readonly Service[]): void {
    const id = idOf({ nodeId, alias });
    if (this.#looked.get(id) === definitionHash) return;
    const offered = definitionParts(definition);
    if (offered === undefined) return;
    if (this.#looked.size >= MAX_SERVERS) this.#looked.clear();
    this.#looked.set(id, definitionHash);
    const before = this.#pinned.get(id);
    const pinned = new Map(before);
    const asEarlier = earlierHashes(definition, pinned);
    const approved = this.#parts.policy().value('tools.approved');
    const isApproved = (hash: unknown): boolean => Array.isArray(approved) && approved.includes(hash);
    const changed = new Map<string, ChangedPart>();
    let isNew = false;
    for (const { kind, name, hash: is } of offered) {
      const key = pinKey(kind, name);
      const kept = pinned.get(key);
      if (kept === is) continue;
      const was = kept === undefined ? undefined : hashOf(kept);
      const earlier = kept !== undefined && isEarlier(kept) ? asEarlier.get(key) : undefined;
      if (was === undefined || was === earlier || isApproved(is) || (earlier !== undefined && isApproved(earlier))) {
        pinned.set(key, is);
        isNew = true;
      } else changed.set(key, { nodeId, server: alias, kind, name, was, is, definitionHash });
    }
    this.#version += 1;
    this.#found = undefined;
    if (changed.size === 0) this.#changed.delete(id);
    else this.#changed.set(id, changed);
    for (const { server, kind, name, was, is } of changed.values()) {
      this.#parts.reporter.report('tool.changed', { peer: nodeId, server, kind, name, was, is });
    }
    if (!isNew || (before === undefined && !this.#makeRoom(nodeId, all))) return;
    this.#keep(id, boundedPins(pinned, new Set(offered.map(({ kind, name }) => pinKey(kind, name)))));
  }

  /** For one more server of a node: one that it does not offer now may be forgotten for it. */
  #makeRoom(nodeId: string, all: readonly Service[]): boolean {
    const ofNode = [...this.#pinned.keys()].filter((id) => id.startsWith(`${nodeId}/`));
    if (ofNode.length >= MAX_SERVERS_OF_NODE) {
      const offered = new Set(all.flatMap(({ replicas }) => replicas.map(idOf)));
      const oldest = ofNode.find((id) => !offered.has(id));
      if (oldest === undefined) return false;
      this.#forget(oldest);
    }
    return this.#pinned.size < MAX_SERVERS;
  }

  #accept({ nodeId, server, kind, name, is }: ChangedPart): void {
    const id = idOf({ nodeId, alias: server });
    const key = pinKey(kind, name);
    this.#keep(id, new Map(this.#pinned.get(id)).set(key, is));
    const rest = new Map(this.#changed.get(id));
    rest.delete(key);
    this.#version += 1;
    this.#found = undefined;
    if (rest.size === 0) this.#changed.delete(id);
    else this.#changed.set(id, rest);
    this.#parts.reporter.report('tool.approved', { peer: nodeId, server, kind, name, is });
  }

  #keep(id: string, pins: Pins): void {
    this.#pinned.set(id, pins);
    this.#save(id);
  }

  #forget(id: string): void {
    this.#pinned.delete(id);
    this.#save(id);
  }

  #save(id: string): void {
    this.#unsaved.add(id);
    this.#saving ??= this.#write();
  }

  /** A peer that has something new to say all the time costs one write at a time, however much of it there is. Never rejects. */
  async #write(): Promise<void> {
    const { store, reporter } = this.#parts;
    await Promise.resolve(); // what is found in one look is written together
    while (this.#unsaved.size > 0) {
      const ids = [...this.#unsaved].slice(0, SAVED_AT_ONCE);
      for (const id of ids) this.#unsaved.delete(id);
      try {
        await store.batch(
          ids.map((id) => changeOf(id, this.#pinned.get(id))),
          { sync: true },
        );
      } catch (error) {
        reporter.report('background.failed', { area: 'pins', error });
      }
    }
    this.#saving = undefined;
  }
}

/** What of `definition` the pins of an earlier version would say, by key. */
function earlierHashes(definition: Service['definition'], pins: Pins): ReadonlyMap<string, string> {
  if (![...pins.values()].some(isEarlier)) return new Map();
  return new Map(earlierParts(definition).map(({ kind, name, hash }) => [pinKey(kind, name), hash]));
}

function changeOf(key: string, pins: Pins | undefined): StoreChange {
  return pins === undefined ? { type: 'del', key } : { type: 'put', key, value: writePins(pins) };
}

function foundBy(changed: readonly ChangedPart[], ownId: string): ReadonlyMap<string, readonly ChangedPart[]> {
  const found = Map.groupBy(changed, ({ server, definitionHash }) => foundAs(server, definitionHash));
  const own = changed.filter(({ nodeId }) => nodeId === ownId);
  for (const [server, parts] of Map.groupBy(own, (one) => one.server)) found.set(foundAs(server, ''), parts);
  return found;
}

function foundAs(server: string, definitionHash: string): string {
  return `${definitionHash} ${server}`;
}

function idOf({ nodeId, alias }: Place): string {
  return `${nodeId}/${alias}`;
}
