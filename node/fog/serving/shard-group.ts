import type { RpcRequest, ServerDefinition } from '../../../src/mcp/index.ts';
import type {
  BackendContext,
  BackendReply,
  HostedServer,
  ResourceListener,
  ServerState,
} from '../../backends/backend.ts';
import type { ShardServer } from '../runner/index.ts';
import { addressedTo, keyOf, type SlotEpoch, slotOf } from './call-meta.ts';
import { slotRefused } from './refusal.ts';

export interface Member extends SlotEpoch {
  readonly server: ShardServer;
  /** Whether its lease still lets it serve, asked before each call: this process may have been paused. */
  readonly mayServe: () => boolean;
}

interface Held extends Member {
  inFlight: number;
  readonly forget: () => void;
}

/** The slots of one deployment that run on this node, hosted as one server: to the village they are one replica of it. */
export class ShardGroup implements HostedServer {
  readonly kind = 'stdio';
  readonly alias: string;
  readonly share: 'mesh' | 'local';
  readonly #onChange: (alias: string) => void;
  readonly #held = new Map<number, Held>();
  readonly #updated = new Set<ResourceListener>();

  constructor(alias: string, { share, onChange }: { share: 'mesh' | 'local'; onChange: (alias: string) => void }) {
    this.alias = alias;
    this.share = share;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#held.size;
  }

  add(member: Member): void {
    this.#held.get(member.slot)?.forget();
    const undo = [
      member.server.onChange(() => this.#onChange(this.alias)),
      member.server.onResourceUpdated?.((uri, agentId) => {
        for (const listener of this.#updated) listener(uri, agentId);
      }),
    ];
    const forget = (): void => {
      for (const end of undo) end?.();
    };
    this.#held.set(member.slot, { ...member, inFlight: 0, forget });
    this.#onChange(this.alias);
  }

  /** Another epoch of the slot that came in between is left alone. */
  remove({ slot, epoch }: SlotEpoch): void {
    const held = this.#held.get(slot);
    if (held?.epoch !== epoch) return;
    held.forget();
    this.#held.delete(slot);
    this.#onChange(this.alias);
  }

  state(): ReturnType<HostedServer['state']> {
    const states = [...this.#held.values()].map(({ server }) => server.state());
    const best = (['healthy', 'degraded', 'starting'] as const).find((state) =>
      states.some((one) => one.state === state),
    );
    return states.find((one) => one.state === best) ?? states[0] ?? { state: 'down' satisfies ServerState, since: 0 };
  }

  definition(): ServerDefinition | undefined {
    for (const { server } of this.#held.values()) {
      const definition = server.definition();
      if (definition !== undefined) return definition;
    }
    return undefined;
  }

  onResourceUpdated(listener: ResourceListener): () => void {
    this.#updated.add(listener);
    return () => this.#updated.delete(listener);
  }

  async request(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    const place = slotOf(request);
    if (place === 'invalid') return slotRefused(request.id, 'WRONG_SLOT');
    // A key whose slot the caller could not tell has no place that this node could know of.
    if (place === undefined && keyOf(request) !== undefined) return slotRefused(request.id, 'WRONG_SLOT');
    const held = place === undefined ? this.#idlest() : this.#held.get(place.slot);
    if (held === undefined) return slotRefused(request.id, place === undefined ? 'UNAVAILABLE' : 'WRONG_SLOT');
    // A caller with another epoch has another map than this holder: one of the two is behind, and neither can tell which from here.
    // What a caller names is no reason to stop serving others: only the owner's word is.
    if (place !== undefined && place.epoch !== held.epoch) return slotRefused(request.id, 'STALE_EPOCH');
    if (!held.mayServe()) return slotRefused(request.id, 'UNAVAILABLE');
    held.inFlight += 1;
    try {
      return await held.server.request(addressedTo(request, undefined), context);
    } finally {
      held.inFlight -= 1;
    }
  }

  async start(): Promise<void> {}

  /** The runner ends shards, not who hosts them. */
  async stop(): Promise<void> {}

  #idlest(): Held | undefined {
    const able = [...this.#held.values()].filter((one) => one.mayServe() && one.server.state().state === 'healthy');
    return able.reduce<Held | undefined>(
      (best, one) => (best === undefined || one.inFlight < best.inFlight ? one : best),
      undefined,
    );
  }
}
