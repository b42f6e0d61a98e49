import type { Connection, PeerId, Stream, StreamHandler, Topology } from '@libp2p/interface';
import type { KadDHTComponents } from '@libp2p/kad-dht';
import type { AdmissionGate } from './admission-gate.ts';
import { HostError } from './host-error.ts';

type Registrar = KadDHTComponents['registrar'];
type ConnectionManager = KadDHTComponents['connectionManager'];
type Ping = KadDHTComponents['ping'];

export interface GateContext {
  readonly gate: AdmissionGate;
  /** How long a stream to or from a peer may wait for the peer's hello. */
  readonly waitMs: number;
}

/**
 * What Kad-DHT and gossipsub see of libp2p: peers come into being for them when they are admitted and end when they are
 * not, streams of others are refused, and nothing is asked of them.
 */
export function gatedComponents<Components extends object>(components: Components, context: GateContext): Components {
  const replaced = new Map<PropertyKey, unknown>();
  return new Proxy(components, {
    get(target, name) {
      if (!isGated(name)) return Reflect.get(target, name, target);
      let gated = replaced.get(name);
      if (gated === undefined) {
        gated = GATED[name](target as unknown as KadDHTComponents, context);
        replaced.set(name, gated);
      }
      return gated;
    },
  });
}

const GATED = {
  registrar: ({ registrar, connectionManager }: KadDHTComponents, context: GateContext) =>
    gatedRegistrar(registrar, { ...context, connections: (peer) => connectionManager.getConnections(peer) }),
  connectionManager: ({ connectionManager }: KadDHTComponents, context: GateContext) =>
    gatedConnectionManager(connectionManager, context),
  ping: ({ ping, connectionManager }: KadDHTComponents, context: GateContext) =>
    gatedPing(ping, { ...context, connectionManager }),
};

function isGated(name: PropertyKey): name is keyof typeof GATED {
  return typeof name === 'string' && Object.hasOwn(GATED, name);
}

interface RegistrarContext extends GateContext {
  connections(peer: PeerId): readonly Connection[];
}

function gatedRegistrar(inner: Registrar, context: RegistrarContext): Registrar {
  const { gate } = context;
  const unlisten = new Map<string, () => void>();
  return overlay(inner, {
    async register(protocol: string, topology: Topology) {
      const held = new HeldTopology(topology, context);
      const stop = gate.listen(held);
      const id = await inner.register(protocol, held.outer);
      unlisten.set(id, stop);
      return id;
    },
    unregister(id: string) {
      unlisten.get(id)?.();
      unlisten.delete(id);
      inner.unregister(id);
    },
    handle(protocol: string, handler: StreamHandler, options?: Parameters<Registrar['handle']>[2]) {
      return inner.handle(protocol, gatedHandler(handler, context), options);
    },
  });
}

/** `handler` behind the gate: streams of strangers are reset, those of a peer whose `ack` is under way wait for it. */
export function gatedHandler(handler: StreamHandler, { gate, waitMs }: GateContext): StreamHandler {
  return async (stream: Stream, connection: Connection) => {
    const nodeId = connection.remotePeer.toString();
    if (!gate.isAdmitted(nodeId)) {
      try {
        if (!gate.accepts(nodeId)) throw new HostError('NOT_ADMITTED', `${nodeId} has not proven membership`);
        await gate.waitFor(nodeId, { signal: AbortSignal.timeout(waitMs) });
      } catch (error) {
        stream.abort(error as Error);
        return;
      }
    }
    await handler(stream, connection);
  };
}

/** Tells a topology of a peer when libp2p knows that it speaks the protocol *and* it is admitted. */
class HeldTopology {
  readonly outer: Topology;
  readonly #inner: Topology;
  readonly #connections: RegistrarContext['connections'];
  readonly #speaking = new Map<string, PeerId>();
  readonly #told = new Set<string>();

  constructor(inner: Topology, { gate, connections }: RegistrarContext) {
    this.#inner = inner;
    this.#connections = connections;
    // No onDisconnect: libp2p reads it from the peer store, late and not for peers it forgot. `left` is exact.
    this.outer = {
      ...(inner.notifyOnLimitedConnection === undefined
        ? {}
        : { notifyOnLimitedConnection: inner.notifyOnLimitedConnection }),
      onConnect: async (peer, connection) => {
        this.#speaking.set(peer.toString(), peer);
        if (gate.isAdmitted(peer.toString())) await this.#tell(peer, connection);
      },
    };
  }

  admitted({ nodeId }: { readonly nodeId: string }): void {
    const peer = this.#speaking.get(nodeId);
    const connection = peer === undefined ? undefined : this.#openTo(peer);
    if (peer !== undefined && connection !== undefined) void this.#tell(peer, connection).catch(() => {});
  }

  left(nodeId: string): void {
    const peer = this.#speaking.get(nodeId);
    if (peer === undefined) return;
    if (this.#openTo(peer) === undefined) this.#speaking.delete(nodeId);
    // A failure is the DHT's or gossip's own and nobody here could mend it.
    if (this.#told.delete(nodeId)) void Promise.resolve(this.#inner.onDisconnect?.(peer)).catch(() => {});
  }

  #openTo(peer: PeerId): Connection | undefined {
    return this.#connections(peer).find((connection) => connection.status === 'open');
  }

  async #tell(peer: PeerId, connection: Connection): Promise<void> {
    this.#told.add(peer.toString());
    await this.#inner.onConnect?.(peer, connection);
  }
}

function gatedConnectionManager(inner: ConnectionManager, context: GateContext): ConnectionManager {
  return overlay(inner, {
    async openStream(...[target, protocol, options = {}]: Parameters<ConnectionManager['openStream']>) {
      const connection = await admittedConnection(inner, target, { ...context, options });
      return connection.newStream(protocol, options);
    },
  });
}

function gatedPing(inner: Ping, context: GateContext & { readonly connectionManager: ConnectionManager }): Ping {
  return overlay(inner, {
    // The DHT pings whom it is about to put into its table: no stranger gets there by having been heard of.
    async ping(...[target, options]: Parameters<Ping['ping']>) {
      await admittedConnection(context.connectionManager, target, { ...context, options });
      return inner.ping(target, options);
    },
  });
}

async function admittedConnection(
  inner: ConnectionManager,
  target: Parameters<ConnectionManager['openConnection']>[0],
  { gate, waitMs, options }: GateContext & { readonly options: Parameters<ConnectionManager['openConnection']>[1] },
): Promise<Connection> {
  const connection = await inner.openConnection(target, options);
  const nodeId = connection.remotePeer.toString();
  if (!gate.isAdmitted(nodeId)) {
    const deadline = AbortSignal.timeout(waitMs);
    const signal = options?.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    await gate.waitFor(nodeId, { signal });
  }
  return connection;
}

/** `inner` with some members replaced; the rest is called on `inner` itself, whose private state needs that. */
function overlay<Component extends object>(inner: Component, replacements: Partial<Component>): Component {
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(replacements, name)) return Reflect.get(replacements, name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
