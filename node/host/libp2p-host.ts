import type { Connection, PeerId, Stream } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { hello } from '../../protocols/hello/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import { AdmissionGate } from './admission-gate.ts';
import { nextBootSequence } from './boot-sequence.ts';
import { gatedHandler } from './gated-components.ts';
import { GossipTopics } from './gossip-topics.ts';
import { Greeter } from './greeter.ts';
import { HostError } from './host-error.ts';
import { HOST_LIMITS, type HostLimits, type HostOptions } from './host-options.ts';
import { rememberAddresses } from './host-stores.ts';
import { KnownPeers } from './known-peers.ts';
import { createLibp2pNode, type Libp2pNode } from './libp2p-node.ts';
import { listenAddresses, rememberPorts } from './listen-ports.ts';
import type { AdmittedPeer, MeshHost, ProtocolSpec, StreamHandler } from './mesh-host.ts';
import { addressOf, peerIdOf } from './peer-address.ts';
import { ProviderRecords } from './provider-records.ts';
import { type VillageNames, villageNames } from './village-protocols.ts';

const DIAL_MS = 10_000;
const HANG_UP_MS = 1_000;
const SWEEP_MS = 10_000;

interface Running {
  readonly libp2p: Libp2pNode;
  readonly greeter: Greeter;
  readonly known: KnownPeers;
  readonly records: ProviderRecords;
  readonly sweep: NodeJS.Timeout;
}

/** The mesh on libp2p. Membership first: until hello has succeeded nothing of the village is served or asked. */
export class Libp2pHost implements MeshHost {
  readonly nodeId: string;
  readonly #options: HostOptions;
  readonly #limits: HostLimits;
  readonly #names: VillageNames;
  readonly #gate = new AdmissionGate();
  readonly #topics: GossipTopics;
  readonly #handlers = new Map<string, { readonly spec: ProtocolSpec; readonly handler: StreamHandler }>();
  readonly #now: () => number;
  #running: Running | undefined;

  constructor(options: HostOptions) {
    this.nodeId = options.nodeId;
    this.#options = options;
    this.#limits = { ...HOST_LIMITS, ...options.limits };
    this.#names = villageNames(options.villageId);
    this.#topics = new GossipTopics(this.#names);
    this.#now = options.now ?? Date.now;
  }

  async start(): Promise<void> {
    const { stores, listen } = this.#options;
    const bootSeq = await nextBootSequence(stores.host);
    const libp2p = await createLibp2pNode({
      peerSeed: this.#options.peerSeed,
      names: this.#names,
      listen: await listenAddresses(listen, stores.host),
      transport: this.#options.transport ?? 'tcp',
      datastore: this.#options.datastore,
      topics: this.#topics.ids(),
      gate: { gate: this.#gate, waitMs: hello.timeoutMs },
      onNeighbour: this.#usesMdns()
        ? ({ id, multiaddrs }) => this.#running?.known.suggest(id.toString(), multiaddrs.map(String))
        : undefined,
      reprovide: { validityMs: this.#limits.provideValidityMs, intervalMs: this.#limits.provideSweepMs },
    });
    const running = this.#assemble(libp2p, bootSeq);
    this.#running = running;
    try {
      await running.known.load();
      await this.#register(libp2p, running.greeter);
      this.#follow(running);
      await libp2p.start();
      this.#topics.join(libp2p.services.pubsub);
      await rememberPorts(listen, this.addresses(), stores.host);
      await rememberAddresses(this.addresses(), stores.host);
      this.#suggestBootstrap(running.known);
      running.known.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Never takes longer than `stopMs`: libp2p's own stop can hang. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    clearInterval(running.sweep);
    running.known.stop();
    running.records.stop();
    running.greeter.stop();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, this.#limits.stopMs);
    const stopped = Promise.resolve(running.libp2p.stop()).catch((error: unknown) => this.#failed('stop', error));
    await Promise.race([stopped, late.promise]);
    clearTimeout(timer);
    const gone = new HostError('NOT_RUNNING', 'this node stops');
    for (const nodeId of [...this.#gate.admitted().keys()]) this.#gate.drop(nodeId, gone);
  }

  addresses(): string[] {
    return this.#running?.libp2p.getMultiaddrs().map(String) ?? [];
  }

  handle(spec: ProtocolSpec, handler: StreamHandler): void {
    if (this.#running !== undefined) throw new HostError('NOT_RUNNING', 'protocols are registered before the start');
    this.#handlers.set(spec.name, { spec, handler });
  }

  async openStream(nodeId: string, spec: ProtocolSpec, { signal }: { signal: AbortSignal }): Promise<Stream> {
    const { libp2p } = this.#started();
    const connection = await this.#reach(libp2p, peerIdOf(nodeId), signal);
    try {
      return await connection.newStream(this.#names.protocol(spec.name), { signal });
    } catch (cause) {
      throw new HostError('NODE_UNREACHABLE', `no ${spec.name} stream to ${nodeId}`, { cause });
    }
  }

  async dial(address: string, { signal }: { signal: AbortSignal }): Promise<string> {
    const { libp2p } = this.#started();
    const connection = await this.#reach(libp2p, addressOf(address), signal);
    return connection.remotePeer.toString();
  }

  async hangUp(nodeId: string): Promise<void> {
    const libp2p = this.#running?.libp2p;
    if (libp2p === undefined) return;
    await libp2p.hangUp(peerIdOf(nodeId), { signal: AbortSignal.timeout(HANG_UP_MS) });
  }

  admitted(): ReadonlyMap<string, AdmittedPeer> {
    return this.#gate.admitted();
  }

  connections(): ReturnType<MeshHost['connections']> {
    const connections = this.#running?.libp2p.getConnections() ?? [];
    return connections.map(({ remotePeer, remoteAddr, direction }) => ({
      nodeId: remotePeer.toString(),
      address: remoteAddr.toString(),
      direction,
      admitted: this.#gate.isAdmitted(remotePeer.toString()),
    }));
  }

  onAdmitted(listener: (peer: AdmittedPeer) => void): () => void {
    return this.#gate.listen({ admitted: listener });
  }

  onGone(listener: (nodeId: string) => void): () => void {
    return this.#gate.listen({ left: (nodeId, wasAdmitted) => wasAdmitted && listener(nodeId) });
  }

  reverify(): void {
    for (const { nodeId, membership } of [...this.#gate.admitted().values()]) {
      const verdict = this.#options.membership.verify(membership.chain, nodeId);
      if (verdict.kind === 'refused') this.#expel(nodeId, verdict.because);
    }
  }

  /** Shows every admitted peer our credentials anew: they were renewed. */
  async regreet(): Promise<void> {
    const { libp2p, greeter } = this.#started();
    const connections = [...this.#gate.admitted().keys()].flatMap((id) =>
      libp2p.getConnections(peerIdOf(id)).slice(0, 1),
    );
    await Promise.all(connections.map((connection) => greeter.greet(connection)));
  }

  /** An admission runs on this connection: it is given the longer deadline. */
  admissionStarts(connection: Connection): void {
    this.#running?.greeter.extend(connection);
  }

  provide(path: string, options: { signal: AbortSignal }): Promise<number> {
    return this.#started().records.provide(path, options);
  }

  async unprovide(path: string): Promise<void> {
    await this.#running?.records.unprovide(path);
  }

  findProviders(path: string, options: { signal: AbortSignal; limit: number }): AsyncIterable<string> {
    return this.#started().records.find(path, options);
  }

  subscribe(topic: string, accept: (data: Uint8Array, from: string) => boolean): void {
    if (this.#running !== undefined) throw new HostError('NOT_RUNNING', 'topics are subscribed to before the start');
    this.#topics.add(topic, accept);
  }

  publish(topic: string, data: Uint8Array): Promise<void> {
    return this.#topics.publish(this.#started().libp2p.services.pubsub, topic, data);
  }

  #assemble(libp2p: Libp2pNode, bootSeq: number): Running {
    const { membership, reporter, stores, villageId, nodeId } = this.#options;
    const greeter = new Greeter({
      gate: this.#gate,
      reporter,
      limits: this.#limits,
      protocolId: this.#names.protocol(hello.name),
      now: this.#now,
      verify: (chain, id) => membership.verify(chain, id),
      connectionsOf: (id) => libp2p.getConnections(peerIdOf(id)),
      introduce: () => ({
        kind: 'hello',
        v: 1,
        village: sha256Hex(villageId),
        chain: [...membership.chain()],
        protocols: this.#revisions(),
        boot_seq: bootSeq,
        now_ms: this.#now(),
      }),
    });
    const known = new KnownPeers({
      store: stores.knownPeers,
      now: this.#now,
      random: this.#options.random ?? Math.random,
      backoffMs: { first: this.#limits.redialFirstMs, longest: this.#limits.redialLongestMs },
      keepConnected: this.#limits.keepConnected,
      isConnected: (id) => this.#gate.isAdmitted(id),
      connectedCount: () => this.#gate.admitted().size,
      dial: (id, addresses, { lookUp }) => this.#redial(libp2p, peerIdOf(id), lookUp ? [] : addresses),
    });
    const records = new ProviderRecords({
      dht: libp2p.services.dht,
      nodeId,
      villageId,
      reporter,
      admittedCount: () => this.#gate.admitted().size,
    });
    const sweep = setInterval(() => this.reverify(), SWEEP_MS);
    sweep.unref();
    return { libp2p, greeter, known, records, sweep };
  }

  async #register(libp2p: Libp2pNode, greeter: Greeter): Promise<void> {
    const gate = { gate: this.#gate, waitMs: hello.timeoutMs };
    await libp2p.handle(this.#names.protocol(hello.name), (stream, connection) => greeter.answer(stream, connection), {
      maxInboundStreams: hello.maxInboundStreams,
    });
    for (const { spec, handler } of this.#handlers.values()) {
      const guarded = (stream: Stream, connection: Connection) => this.#serve(spec, handler, { stream, connection });
      const inner = spec.open === true ? guarded : gatedHandler(guarded, gate);
      await libp2p.handle(this.#names.protocol(spec.name), inner, { maxInboundStreams: spec.maxInboundStreams });
    }
  }

  async #serve(
    spec: ProtocolSpec,
    handler: StreamHandler,
    { stream, connection }: { readonly stream: Stream; readonly connection: Connection },
  ): Promise<void> {
    const nodeId = connection.remotePeer.toString();
    try {
      await handler(stream, { nodeId, connection });
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error('the handler failed'));
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      this.#options.reporter.report('peer.misbehaved', { peer: nodeId, protocol: spec.name, reason });
    }
  }

  #follow({ libp2p, greeter, known, records }: Running): void {
    libp2p.addEventListener('connection:open', ({ detail }) => greeter.opened(detail));
    libp2p.addEventListener('connection:close', ({ detail }) => greeter.closed(detail));
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#left(libp2p, known, detail));
    libp2p.addEventListener('peer:identify', ({ detail }) => {
      if (this.#gate.isAdmitted(detail.peerId.toString())) void this.#remember(libp2p, known, detail.peerId);
    });
    const stop = this.#gate.listen({
      admitted: ({ nodeId }) => {
        void this.#remember(libp2p, known, peerIdOf(nodeId));
        records.peersCame();
      },
    });
    libp2p.addEventListener('stop', stop, { once: true });
  }

  #left(libp2p: Libp2pNode, known: KnownPeers, peer: PeerId): void {
    const nodeId = peer.toString();
    const gone = new HostError('NODE_UNREACHABLE', `the connection to ${nodeId} ended`);
    if (this.#gate.drop(nodeId, gone)) {
      this.#options.reporter.report('peer.gone', { peer: nodeId });
      known.lost(nodeId);
    } else if (!known.has(nodeId) && libp2p.status === 'started') {
      // Strangers must not fill the disk with their names.
      void libp2p.peerStore.delete(peer).catch((error: unknown) => this.#failed('peer-store', error));
    }
  }

  #expel(nodeId: string, because: string): void {
    const { libp2p } = this.#started();
    const refusal = new HostError('NOT_ADMITTED', `${nodeId} is no longer a member`);
    this.#gate.drop(nodeId, refusal);
    this.#options.reporter.report('peer.refused', { peer: nodeId, reason: because });
    this.#options.reporter.report('peer.gone', { peer: nodeId });
    for (const connection of libp2p.getConnections(peerIdOf(nodeId))) connection.abort(refusal);
  }

  /** A connection to an admitted peer; waits for its hello. */
  async #reach(libp2p: Libp2pNode, target: PeerId | Multiaddr | Multiaddr[], signal: AbortSignal): Promise<Connection> {
    const connection = await libp2p.dial(target, { signal }).catch((cause: unknown) => {
      throw new HostError('NODE_UNREACHABLE', 'no connection to the node', { cause });
    });
    await this.#gate.waitFor(connection.remotePeer.toString(), { signal });
    return connection;
  }

  async #redial(libp2p: Libp2pNode, peer: PeerId, addresses: readonly string[]): Promise<void> {
    const suffix = `/p2p/${peer.toString()}`;
    const targets = addresses.map((address) => multiaddr(address.endsWith(suffix) ? address : address + suffix));
    await this.#reach(libp2p, targets.length === 0 ? peer : targets, AbortSignal.timeout(DIAL_MS));
  }

  async #remember(libp2p: Libp2pNode, known: KnownPeers, peer: PeerId): Promise<void> {
    try {
      const dialled = libp2p.getConnections(peer).filter(({ direction }) => direction === 'outbound');
      const stored = await libp2p.peerStore.get(peer).then(
        ({ addresses }) => addresses.map(({ multiaddr: address }) => address.toString()),
        () => [],
      );
      await known.seen(peer.toString(), [...stored, ...dialled.map(({ remoteAddr }) => remoteAddr.toString())]);
    } catch (error) {
      this.#failed('known-peers', error);
    }
  }

  #suggestBootstrap(known: KnownPeers): void {
    for (const address of this.#options.bootstrap ?? []) {
      const nodeId = addressOf(address)
        .getComponents()
        .findLast(({ name }) => name === 'p2p')?.value;
      if (nodeId === undefined) {
        const signal = AbortSignal.timeout(DIAL_MS);
        void this.dial(address, { signal }).catch((error: unknown) => this.#failed('bootstrap', error));
      } else if (nodeId !== this.nodeId) known.suggest(nodeId, [address]);
    }
  }

  #usesMdns(): boolean {
    const beyondLoopback = this.#options.listen.some((address) => !/^\/(ip4\/127\.|ip6\/::1\/|memory\/)/.test(address));
    return this.#options.mdns === true && beyondLoopback;
  }

  #revisions(): Record<string, number[]> {
    const revisions: Record<string, number[]> = {};
    for (const name of [hello.name, ...this.#handlers.keys()]) {
      const [protocol = '', revision = '1'] = name.split('/');
      revisions[protocol] = [...(revisions[protocol] ?? []), Number(revision)];
    }
    return revisions;
  }

  #started(): Running {
    if (this.#running === undefined) throw new HostError('NOT_RUNNING', 'the host is not running');
    return this.#running;
  }

  #failed(area: string, error: unknown): void {
    this.#options.reporter.report('background.failed', { area: `host/${area}`, error });
  }
}
