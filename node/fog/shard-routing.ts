import { slotOfKey, type ShardMap } from '../../src/fog/index.ts';
import type { Awaitable, BackendContext, BackendReply } from '../backends/backend.ts';
import type { Forwarded, ShardRoutes, Target } from '../router/index.ts';
import { addressedTo, keyOf, type SlotRefusal, slotRefused } from './serving/index.ts';
import type { KnownMap, ShardMaps } from './shard-maps.ts';

type Place = ShardMap['slots'][number] & { readonly node: string };
type Send = (target: Target) => Awaitable<Forwarded>;

const BEHIND: ReadonlySet<string> = new Set<SlotRefusal>(['STALE_EPOCH', 'WRONG_SLOT']);
/** How long a call waits for a newer map when the one here is behind. */
const REFRESH_MS = 1_000;
/** How `aliasOf` ends. */
const OF_A_DEPLOYMENT = /-[0-9a-f]{8}$/;
const RETRY_AFTER_MS = 2_000;
const MAX_ATTEMPTS = 3;

export interface ShardRoutingParts {
  readonly maps: ShardMaps;
  /** Asks a node for the newest map of a deployment; it comes when it comes. */
  readonly ask: (nodeId: string, deployment: string) => void;
  /** A map that is not known here; undefined: nobody told it in time. Never rejects. */
  readonly find: (alias: string) => Promise<KnownMap | undefined>;
  /** 0 ≤ chance < 1. */
  readonly chance: () => number;
}

/** Sends calls of deployments to their slots: those with a key to the one slot that has it, the others to an idle one. */
export class ShardRouting implements ShardRoutes {
  readonly #parts: ShardRoutingParts;
  readonly #inFlight = new Map<string, number>();

  constructor(parts: ShardRoutingParts) {
    this.#parts = parts;
  }

  /** undefined: the service is no deployment that is known here. */
  forward(target: Target, context: BackendContext, send: Send): Awaitable<Forwarded> | undefined {
    const { alias } = target.service;
    if (target.nodeId !== undefined) return undefined;
    const known = this.#parts.maps.named(alias);
    if (known !== undefined) return this.#toSlot(target, { context, send, known });
    // Without its map nobody can tell whose a key is; a server that is no deployment has none.
    return keyOf(target.request) !== undefined && OF_A_DEPLOYMENT.test(alias)
      ? this.#lookUp(target, { context, send })
      : undefined;
  }

  async #lookUp(
    target: Target,
    { context, send }: { readonly context: BackendContext; readonly send: Send },
  ): Promise<Forwarded> {
    const known = await this.#parts.find(target.service.alias);
    return known === undefined ? send(target) : this.#toSlot(target, { context, send, known });
  }

  async #toSlot(
    target: Target,
    { context, send, known }: { readonly context: BackendContext; readonly send: Send; readonly known: KnownMap },
  ): Promise<Forwarded> {
    const key = keyOf(target.request);
    if (key === 'invalid') return nowhere(target, 'WRONG_SLOT');
    if (key === undefined) return this.#toAny(target, { context, send, known });
    const place = placeOf(known.map, slotOfKey(key, known.hashed));
    // What is exclusive never spills: another slot does not have the state that the key stands for.
    if (place === undefined) return nowhere(target, 'UNAVAILABLE');
    const first = await this.#send(target, { map: known.map, place, send });
    if (!isElsewhere(first) || context.signal.aborted) return first;
    // Spec R8: whoever was asked is not the holder by its own epoch, or the map here is old; the owner knows.
    const newer = await this.#refreshed(known, context.signal);
    const now = newer && placeOf(newer.map, slotOfKey(key, newer.hashed));
    return newer === undefined || now === undefined ? first : this.#send(target, { map: newer.map, place: now, send });
  }

  /** To an idle slot; to another where the first provably never began. */
  async #toAny(
    target: Target,
    { context, send, known }: { readonly context: BackendContext; readonly send: Send; readonly known: KnownMap },
  ): Promise<Forwarded> {
    const { map } = known;
    const tried = new Set<number>();
    let last = nowhere(target, 'UNAVAILABLE');
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !context.signal.aborted; attempt += 1) {
      const place = this.#idlest(map, tried);
      if (place === undefined) break;
      tried.add(place.slot);
      last = await this.#send(target, { map, place, send });
      if (!isElsewhere(last)) break;
      this.#parts.ask(map.owner, map.deployment);
    }
    return last;
  }

  async #send(
    target: Target,
    { map, place, send }: { readonly map: ShardMap; readonly place: Place; readonly send: Send },
  ): Promise<Forwarded> {
    const at = `${map.owner} ${map.deployment} ${place.slot}`;
    this.#inFlight.set(at, (this.#inFlight.get(at) ?? 0) + 1);
    try {
      return await send({ ...target, nodeId: place.node, request: addressedTo(target.request, place) });
    } finally {
      const left = (this.#inFlight.get(at) ?? 1) - 1;
      if (left > 0) this.#inFlight.set(at, left);
      else this.#inFlight.delete(at);
    }
  }

  /** Two at random, and of them the one with fewer calls under way. */
  #idlest(map: ShardMap, tried: ReadonlySet<number>): Place | undefined {
    const held = map.slots.filter(isHeld).filter(({ slot }) => !tried.has(slot));
    const serving = held.filter(({ state }) => state === 'running');
    const running = serving.length > 0 ? serving : held;
    if (running.length < 2) return running[0];
    const drawn = this.#parts.chance() * running.length;
    const one = Math.floor(drawn);
    const other = (one + 1 + Math.floor((drawn - one) * (running.length - 1))) % running.length;
    const load = (place: Place) => this.#inFlight.get(`${map.owner} ${map.deployment} ${place.slot}`) ?? 0;
    const [first, second] = [running[one] as Place, running[other] as Place];
    return load(second) < load(first) ? second : first;
  }

  /** undefined: no newer one came in time. */
  #refreshed({ map }: KnownMap, signal: AbortSignal): Promise<KnownMap | undefined> {
    const { maps, ask } = this.#parts;
    const ended = AbortSignal.any([signal, AbortSignal.timeout(REFRESH_MS)]);
    const isIt = (known: KnownMap): boolean => known.map.owner === map.owner && known.map.deployment === map.deployment;
    const heard = maps.heard(isIt, { signal: ended });
    ask(map.owner, map.deployment);
    return heard;
  }
}

/** One that starts may be ready before that is heard here: it says itself. */
function isHeld(place: ShardMap['slots'][number]): place is Place {
  return (place.state === 'running' || place.state === 'starting') && place.node !== null;
}

function placeOf({ slots }: ShardMap, slot: number | undefined): Place | undefined {
  const found = slots.find((one) => one.slot === slot);
  return found !== undefined && isHeld(found) ? found : undefined;
}

/** Nothing began there: the map may be old. */
function isElsewhere({ reply }: Forwarded): boolean {
  return reply.notStarted === true || BEHIND.has(reply.reason);
}

function nowhere({ request }: Target, because: SlotRefusal): Forwarded {
  const reply: BackendReply = slotRefused(request.id, because, { retryAfterMs: RETRY_AFTER_MS });
  return { reply, replica: undefined };
}
