import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import type { AdmittedPeer, StreamHandler } from '../../node/host/mesh-host.ts';
import { MemoryStore } from '../../node/storage/index.ts';
import { Witnesses } from '../../node/witness/index.ts';
import type { AuditHead } from '../../src/audit/index.ts';
import { Reports } from './mesh-hosts.ts';
import { type Host, NOW_MS, villageId } from './small-village.ts';

/** A log of which only the hashes count: entry n is fixed by `hashes[n - 1]`. */
export interface BareLog {
  hashes: string[];
}

export interface WitnessNode {
  readonly nodeId: string;
  readonly witnesses: Witnesses;
  readonly log: BareLog;
  readonly store: MemoryStore;
  readonly reports: Reports;
  /** A signed head of its log, with anything in it changed. */
  head(changes?: Partial<AuditHead>): string;
}

interface Joint extends WitnessNode {
  readonly identity: Host;
  readonly peers: Map<string, AdmittedPeer>;
  readonly admittedListeners: Set<(peer: AdmittedPeer) => void>;
  answer: StreamHandler;
}

/** `length` hashes of a chain, told apart from others by `letter`. */
export const chainOf = (length: number, letter = 'a'): string[] =>
  Array.from({ length }, (_, index) => `${letter}${String(index).padStart(63, '0')}`);

/** Nodes with logs and no sockets, on a clock of the test's own. */
export class WitnessNetwork {
  readonly #nodes = new Map<string, Joint>();
  readonly #timers = new Set<{ atMs: number; run: () => void }>();
  #atMs = 0;

  async node(identity: Host, options: { store?: MemoryStore; hashes?: string[] } = {}): Promise<WitnessNode> {
    const { store = new MemoryStore(), hashes = chainOf(10) } = options;
    const nodeId = identity.node.peerId;
    const log: BareLog = { hashes };
    const reports = new Reports();
    const joint = {
      nodeId,
      identity,
      log,
      store,
      reports,
      peers: new Map(),
      admittedListeners: new Set(),
    } as unknown as Joint;
    const place = () => ({ seq: log.hashes.length, hash: log.hashes.at(-1) ?? '' });
    const witnesses = await Witnesses.open({
      villageId,
      nodeId,
      issuerKey: identity.issuer.raw,
      host: {
        handle: (_spec, handler) => void (joint.answer = handler),
        openStream: (target) => this.#open(joint, target),
        admitted: () => joint.peers,
        onAdmitted: (listener) => {
          joint.admittedListeners.add(listener);
          return () => joint.admittedListeners.delete(listener);
        },
      },
      log: { settled: async () => place(), hashAt: async (seq) => log.hashes[seq - 1] },
      store,
      signHead: (head) => identity.issuer.jws('village-audit-head+jws', head),
      signAnchor: (anchor) => identity.node.jws('village-audit-anchor+jws', anchor),
      signAcceptance: (acceptance) => identity.node.jws('village-audit-acceptance+jws', acceptance),
      reporter: reports,
      clock: {
        wallMs: () => NOW_MS + this.#atMs,
        now: () => this.#atMs,
        chance: () => 0.5,
        after: (ms, run) => this.#after(ms, run),
      },
      settings: () => ({ everyMs: 30_000, witnesses: 3 }),
    });
    const head = (changes: Partial<AuditHead> = {}): string =>
      identity.issuer.jws('village-audit-head+jws', {
        ...{ village: villageId, node: nodeId, ...place(), at_ms: NOW_MS + this.#atMs },
        ...changes,
      });
    Object.assign(joint, { witnesses, head });
    this.#nodes.set(nodeId, joint);
    witnesses.start();
    return joint;
  }

  /** Both admit each other. */
  connect(one: WitnessNode, other: WitnessNode): void {
    this.#admit(one.nodeId, other.nodeId);
    this.#admit(other.nodeId, one.nodeId);
  }

  /** Lets time pass, and what is due happen. */
  pass(ms: number): void {
    this.#atMs += ms;
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.#atMs)) {
      if (this.#timers.delete(timer)) timer.run();
    }
  }

  /** A stream to what `to` answers, opened by `from`. */
  stream(from: WitnessNode, to: WitnessNode): Promise<Stream> {
    return this.#open(this.#nodes.get(from.nodeId) as Joint, to.nodeId);
  }

  /** In place of what `node` answers. */
  answerWith(node: WitnessNode, handler: StreamHandler): void {
    (this.#nodes.get(node.nodeId) as Joint).answer = handler;
  }

  async #open(from: Joint, target: string): Promise<Stream> {
    const to = from.peers.has(target) ? this.#nodes.get(target) : undefined;
    if (to === undefined) throw new Error('no connection');
    const [near, far] = await streamPair();
    const peer = { nodeId: from.nodeId } as Parameters<StreamHandler>[1];
    void Promise.resolve(to.answer(far, peer)).catch(() => undefined);
    return near;
  }

  #admit(at: string, nodeId: string): void {
    const joint = this.#nodes.get(at) as Joint;
    const { identity } = this.#nodes.get(nodeId) as Joint;
    const membership = { nodeId, issuerKey: identity.issuer.raw } as AdmittedPeer['membership'];
    const peer: AdmittedPeer = { nodeId, membership, since: NOW_MS, bootSeq: 1 };
    joint.peers.set(nodeId, peer);
    for (const listener of joint.admittedListeners) listener(peer);
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#atMs + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
