import type { Connection, Stream } from '@libp2p/interface';
import { hello } from '../../protocols/hello/index.ts';
import { AdmissionGate } from './admission-gate.ts';
import { nextBootSequence } from './boot-sequence.ts';
import { gatedHandler } from './gated-components.ts';
import { GossipTopics } from './gossip-topics.ts';
import { HostError } from './host-error.ts';
import { HOST_LIMITS, type HostLimits, type HostOptions } from './host-options.ts';
import { rememberAddresses } from './host-stores.ts';
import { createLibp2pNode, type Libp2pNode } from './libp2p-node.ts';
import { listenAddresses, rememberPorts } from './listen-ports.ts';
import type { AdmittedPeer, MeshHost, ProtocolSpec, StreamHandler } from './mesh-host.ts';
import { addressOf, peerIdOf } from './peer-address.ts';
import { describeGap, revisionGapOf } from './revision-gap.ts';
import { RunningHost } from './running-host.ts';
import { type VillageNames, villageNames } from './village-protocols.ts';

const HANG_UP_MS = 1_000;

/** The mesh on libp2p. Membership first: until hello has succeeded nothing of the village is served or asked. */
export class Libp2pHost implements MeshHost {
  readonly nodeId: string;
  readonly #options: HostOptions;
  readonly #limits: HostLimits;
  readonly #names: VillageNames;
  readonly #gate = new AdmissionGate();
  readonly #topics: GossipTopics;
  readonly #handlers = new Map<string, { readonly spec: ProtocolSpec; readonly handler: StreamHandler }>();
  #running: RunningHost | undefined;

  constructor(options: HostOptions) {
    this.nodeId = options.nodeId;
    this.#options = options;
    this.#limits = { ...HOST_LIMITS, ...options.limits };
    this.#names = villageNames(options.villageId);
    this.#topics = new GossipTopics(this.#names);
  }

  /** Errors: ADDRESS_IN_USE, ADDRESS_INVALID; then nothing is left running. */
  async start(): Promise<void> {
    const { stores, listen, now = Date.now } = this.#options;
    for (const address of [...listen, ...(this.#options.bootstrap ?? [])]) addressOf(address);
    const bootSeq = await nextBootSequence(stores.host);
    const libp2p = await this.#build(await listenAddresses(listen, stores.host));
    const running = new RunningHost({
      ...this.#options,
      libp2p,
      gate: this.#gate,
      names: this.#names,
      limits: this.#limits,
      revisions: this.#revisions(),
      bootSeq,
      now,
    });
    this.#running = running;
    try {
      await running.known.load();
      await this.#register(running);
      await libp2p.start();
      this.#topics.join(libp2p.services.pubsub);
      await rememberPorts(listen, this.addresses(), stores.host);
      await rememberAddresses(this.addresses(), stores.host);
      running.meet();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.stop();
  }

  addresses(): string[] {
    return this.#running?.libp2p.getMultiaddrs().map(String) ?? [];
  }

  handle(spec: ProtocolSpec, handler: StreamHandler): void {
    if (this.#running !== undefined) throw new HostError('NOT_RUNNING', 'protocols are registered before the start');
    this.#handlers.set(spec.name, { spec, handler });
  }

  async openStream(nodeId: string, spec: ProtocolSpec, { signal }: { signal: AbortSignal }): Promise<Stream> {
    const connection = await this.#started().reach(peerIdOf(nodeId), signal);
    const gap = revisionGapOf(this.#gate.admitted().get(nodeId), spec);
    if (gap !== undefined) {
      throw new HostError('OTHER_REVISION', `${nodeId} speaks another revision of ${describeGap(gap)}`, {
        hint: 'update the older of the two nodes',
      });
    }
    try {
      return await connection.newStream(this.#names.protocol(spec.name), { signal });
    } catch (cause) {
      throw new HostError('NODE_UNREACHABLE', `no ${spec.name} stream to ${nodeId}`, { cause });
    }
  }

  async dial(address: string, { signal }: { signal: AbortSignal }): Promise<string> {
    const connection = await this.#started().reach(addressOf(address), signal);
    return connection.remotePeer.toString();
  }

  async hangUp(nodeId: string): Promise<void> {
    await this.#running?.libp2p.hangUp(peerIdOf(nodeId), { signal: AbortSignal.timeout(HANG_UP_MS) });
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
    return this.#gate.listen({
      left: (nodeId, wasAdmitted) => {
        if (wasAdmitted) listener(nodeId);
      },
    });
  }

  /** Verifies every admitted peer again (policy changed, a credential ended) and closes the connections of those that fail. */
  reverify(): void {
    this.#running?.reverify();
  }

  /** Shows every admitted peer our credentials anew: they were renewed. */
  async regreet(): Promise<void> {
    await this.#running?.regreet();
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

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#topics.publish(this.#started().libp2p.services.pubsub, topic, data);
  }

  #build(listen: readonly string[]): Promise<Libp2pNode> {
    const { peerSeed, transport = 'tcp', datastore } = this.#options;
    return createLibp2pNode({
      peerSeed,
      names: this.#names,
      listen,
      transport,
      datastore,
      topics: this.#topics.ids(),
      gate: { gate: this.#gate, waitMs: hello.timeoutMs },
      onNeighbour: this.#usesMdns()
        ? ({ id, multiaddrs }) => this.#running?.known.suggest(id.toString(), multiaddrs.map(String))
        : undefined,
      gossip: { heartbeatMs: this.#limits.gossipHeartbeatMs, seenMs: this.#limits.gossipSeenMs },
      reprovide: { validityMs: this.#limits.provideValidityMs, intervalMs: this.#limits.provideSweepMs },
    });
  }

  async #register({ libp2p, greeter }: RunningHost): Promise<void> {
    const { maxInboundStreams } = hello;
    const answer = (stream: Stream, connection: Connection): Promise<void> => greeter.answer(stream, connection);
    await libp2p.handle(this.#names.protocol(hello.name), answer, { maxInboundStreams });
    const gate = { gate: this.#gate, waitMs: hello.timeoutMs };
    for (const { spec, handler } of this.#handlers.values()) {
      const serve = (stream: Stream, connection: Connection): Promise<void> =>
        this.#serve(spec, handler, { stream, connection });
      const { maxInboundStreams: most } = spec;
      const guarded = spec.open === true ? serve : gatedHandler(serve, gate);
      await libp2p.handle(this.#names.protocol(spec.name), guarded, { maxInboundStreams: most });
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

  #usesMdns(): boolean {
    const local = /^\/(ip4\/127\.|ip6\/::1\/|memory\/)/;
    return this.#options.mdns === true && this.#options.listen.some((address) => !local.test(address));
  }

  #revisions(): Record<string, number[]> {
    const revisions: Record<string, number[]> = {};
    for (const name of [hello.name, ...this.#handlers.keys()]) {
      const [protocol = '', revision = '1'] = name.split('/');
      revisions[protocol] = [...(revisions[protocol] ?? []), Number(revision)];
    }
    return revisions;
  }

  #started(): RunningHost {
    if (this.#running === undefined) throw new HostError('NOT_RUNNING', 'the host is not running');
    return this.#running;
  }
}
