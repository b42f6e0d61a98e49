import type { Connection, PeerId } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { hello } from '../../protocols/hello/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { AdmissionGate } from './admission-gate.ts';
import { Greeter } from './greeter.ts';
import { HostError } from './host-error.ts';
import type { HostLimits, HostOptions } from './host-options.ts';
import { KnownPeers } from './known-peers.ts';
import type { Libp2pNode } from './libp2p-node.ts';
import { addressOf, peerIdOf } from './peer-address.ts';
import { ProviderRecords } from './provider-records.ts';
import type { VillageNames } from './village-protocols.ts';

const DIAL_MS = 10_000;
const SWEEP_MS = 10_000;

export interface RunningHostOptions extends HostOptions {
  readonly libp2p: Libp2pNode;
  readonly gate: AdmissionGate;
  readonly names: VillageNames;
  readonly limits: HostLimits;
  readonly bootSeq: number;
  /** Protocol name → revisions that we speak. */
  readonly revisions: Readonly<Record<string, number[]>>;
  readonly now: () => number;
}

/** What lives from a host's start to its stop: it watches connections come and go and acts on who is admitted. */
export class RunningHost {
  readonly libp2p: Libp2pNode;
  readonly greeter: Greeter;
  readonly known: KnownPeers;
  readonly records: ProviderRecords;
  readonly #options: RunningHostOptions;
  readonly #sweep: NodeJS.Timeout;
  readonly #unlisten: () => void;

  constructor(options: RunningHostOptions) {
    const { libp2p, gate } = options;
    this.#options = options;
    this.libp2p = libp2p;
    this.greeter = greeterOf(options);
    this.known = this.#knownPeers();
    this.records = new ProviderRecords({
      dht: libp2p.services.dht,
      nodeId: options.nodeId,
      villageId: options.villageId,
      reporter: options.reporter,
      admittedCount: () => gate.admitted().size,
    });
    this.#unlisten = gate.listen({
      admitted: ({ nodeId }) => {
        void this.#remember(peerIdOf(nodeId));
        this.records.peersCame();
      },
    });
    this.#follow();
    this.#sweep = setInterval(() => {
      this.reverify();
      void this.#keepKnown();
    }, SWEEP_MS);
    this.#sweep.unref();
  }

  /** Starts dialling: those we know, and those the configuration names. */
  meet(): void {
    for (const address of this.#options.bootstrap ?? []) this.#suggest(address);
    this.known.start();
  }

  /** Never takes longer than `stopMs`: libp2p's own stop can hang. */
  async stop(): Promise<void> {
    const { gate, limits } = this.#options;
    clearInterval(this.#sweep);
    this.known.stop();
    this.records.stop();
    this.greeter.stop();
    this.#unlisten();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limits.stopMs);
    const stopped = Promise.resolve(this.libp2p.stop()).catch((error: unknown) => this.failed('stop', error));
    await Promise.race([Promise.all([stopped, this.#keepKnown()]), late.promise]);
    clearTimeout(timer);
    const gone = new HostError('NOT_RUNNING', 'this node stops');
    for (const nodeId of [...gate.admitted().keys()]) gate.drop(nodeId, gone);
  }

  /** A connection to an admitted peer; waits for its hello. Errors: NODE_UNREACHABLE, NOT_ADMITTED. */
  async reach(target: PeerId | Multiaddr | Multiaddr[], signal: AbortSignal): Promise<Connection> {
    const connection = await this.libp2p.dial(target, { signal }).catch((cause: unknown) => {
      throw new HostError('NODE_UNREACHABLE', 'no connection to the node', { cause });
    });
    await this.#options.gate.waitFor(connection.remotePeer.toString(), { signal });
    return connection;
  }

  reverify(): void {
    const { gate, membership: desk } = this.#options;
    for (const peer of [...gate.admitted().values()]) {
      const { nodeId, membership } = peer;
      const verdict = desk.verify(membership.chain, nodeId);
      if (verdict.kind === 'refused') this.#expel(nodeId, verdict.because);
      // What policy leaves it of its rights may be less than before, or more.
      else gate.renew({ ...peer, membership: verdict.membership });
    }
  }

  async regreet(): Promise<void> {
    const peers = [...this.#options.gate.admitted().keys()];
    const connections = peers.flatMap((nodeId) => this.libp2p.getConnections(peerIdOf(nodeId)).slice(0, 1));
    await Promise.all(connections.map((connection) => this.greeter.greet(connection)));
  }

  failed(area: string, error: unknown): void {
    this.#options.reporter.report('background.failed', { area: `host/${area}`, error });
  }

  #follow(): void {
    this.libp2p.addEventListener('connection:open', ({ detail }) => this.greeter.opened(detail));
    this.libp2p.addEventListener('connection:close', ({ detail }) => this.greeter.closed(detail));
    this.libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#left(detail));
    this.libp2p.addEventListener('peer:identify', ({ detail }) => {
      if (this.#options.gate.isAdmitted(detail.peerId.toString())) void this.#remember(detail.peerId);
    });
  }

  #left(peer: PeerId): void {
    const { gate, reporter } = this.#options;
    const nodeId = peer.toString();
    if (gate.drop(nodeId, new HostError('NODE_UNREACHABLE', `the connection to ${nodeId} ended`))) {
      reporter.report('peer.gone', { peer: nodeId });
      this.known.lost(nodeId);
    } else if (!this.known.has(nodeId) && this.libp2p.status === 'started') {
      // Strangers must not fill the disk with their names.
      void this.libp2p.peerStore.delete(peer).catch((error: unknown) => this.failed('peer-store', error));
    }
  }

  #expel(nodeId: string, because: string): void {
    const { gate, reporter } = this.#options;
    const refusal = new HostError('NOT_ADMITTED', `${nodeId} is no longer a member`);
    gate.drop(nodeId, refusal);
    reporter.report('peer.refused', { peer: nodeId, reason: because });
    reporter.report('peer.gone', { peer: nodeId });
    for (const connection of this.libp2p.getConnections(peerIdOf(nodeId))) connection.abort(refusal);
  }

  #knownPeers(): KnownPeers {
    const { gate, stores, limits, now, random = Math.random } = this.#options;
    return new KnownPeers({
      store: stores.knownPeers,
      now,
      random,
      backoffMs: { first: limits.redialFirstMs, longest: limits.redialLongestMs },
      keepConnected: limits.keepConnected,
      isConnected: (nodeId) => gate.isAdmitted(nodeId),
      connectedCount: () => gate.admitted().size,
      dial: (nodeId, addresses, { lookUp }) => this.#redial(nodeId, lookUp ? [] : addresses),
    });
  }

  async #redial(nodeId: string, addresses: readonly string[]): Promise<void> {
    const suffix = `/p2p/${nodeId}`;
    const targets = addresses.map((address) => multiaddr(address.endsWith(suffix) ? address : address + suffix));
    await this.reach(targets.length === 0 ? peerIdOf(nodeId) : targets, AbortSignal.timeout(DIAL_MS));
  }

  async #remember(peer: PeerId): Promise<void> {
    try {
      const dialled = this.libp2p.getConnections(peer).filter(({ direction }) => direction === 'outbound');
      const stored = await this.libp2p.peerStore.get(peer).then(
        ({ addresses }) => addresses.map(({ multiaddr: address }) => address.toString()),
        () => [],
      );
      const here = dialled.map(({ remoteAddr }) => remoteAddr.toString());
      await this.known.seen(peer.toString(), [...stored, ...here]);
    } catch (error) {
      this.failed('known-peers', error);
    }
  }

  async #keepKnown(): Promise<void> {
    await this.known.flush().catch((error: unknown) => this.failed('known-peers', error));
  }

  #suggest(address: string): void {
    const target = addressOf(address);
    const nodeId = target.getComponents().findLast(({ name }) => name === 'p2p')?.value;
    if (nodeId === this.#options.nodeId) return;
    if (nodeId !== undefined) this.known.suggest(nodeId, [address]);
    // Without an id nobody can be waited for: it is dialled once, and known from then on.
    else
      void this.reach(target, AbortSignal.timeout(DIAL_MS)).catch((error: unknown) => this.failed('bootstrap', error));
  }
}

function greeterOf(options: RunningHostOptions): Greeter {
  const { libp2p, gate, names, membership, reporter, limits, villageId, revisions, bootSeq, now } = options;
  return new Greeter({
    gate,
    reporter,
    limits,
    now,
    protocolId: names.protocol(hello.name),
    verify: (chain, nodeId) => membership.verify(chain, nodeId),
    connectionsOf: (nodeId) => libp2p.getConnections(peerIdOf(nodeId)),
    introduce: () => ({
      kind: 'hello',
      v: 1,
      village: sha256Hex(villageId),
      chain: [...membership.chain()],
      protocols: { ...revisions },
      boot_seq: bootSeq,
      now_ms: now(),
    }),
  });
}
