import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import type { AdmittedPeer, StreamHandler } from '../../node/host/mesh-host.ts';
import { type RevocationEntry, Revocations } from '../../node/identity/index.ts';
import { RevocationSpread } from '../../node/revocation/index.ts';
import { MemoryStore } from '../../node/storage/index.ts';
import { type PolicyView, type Revocation, verifyMembership } from '../../src/constitution/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import { Reports } from './mesh-hosts.ts';
import { constitution, genesis, type Host, NOW_MS, NOW_S, villageId } from './small-village.ts';

/** SHA-256 of the jti `name`: a token's id. */
export const tokenNamed = (name: string): string => sha256Hex(name);

/** A statement by a node about one of its tokens, with anything in it changed. */
export function takenBack(by: Host, token: string, changes: Partial<Revocation> = {}): RevocationEntry {
  const base = { village: villageId, kind: 'token', id: tokenNamed(token), by: by.node.peerId } as const;
  const revocation: Revocation = { ...base, iat: NOW_S, exp: NOW_S + 3600, ...changes };
  return { revocation, jws: by.issuer.jws('village-revocation+jws', revocation) };
}

export interface SpreadNode {
  readonly nodeId: string;
  readonly spread: RevocationSpread;
  readonly revocations: Revocations;
  readonly reports: Reports;
  readonly stores: { readonly revocations: MemoryStore; readonly signers: MemoryStore };
  /** Tokens of `by` that are dead here, by name. */
  knows(by: Host, token: string): boolean;
  policy: PolicyView;
  /** Sets the policy and tells of it. */
  setPolicy(policy: PolicyView): void;
  /** What was gossiped to it and not passed on. */
  readonly refused: Uint8Array[];
  /** Streams it opened to ask. */
  asked: number;
  /** Times it gossiped. */
  told: number;
}

interface Joint extends SpreadNode {
  readonly chain: readonly string[];
  readonly peers: Map<string, AdmittedPeer>;
  readonly admittedListeners: Set<(peer: AdmittedPeer) => void>;
  accept: (data: Uint8Array, from: string) => boolean;
  answer: StreamHandler;
}

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Nodes on a network and a clock of the test's own: who is connected with whom, and what time it is, is as it says. */
export class SpreadNetwork {
  readonly #nodes = new Map<string, Joint>();
  readonly #timers = new Set<Timer>();
  /** Open, or being opened. */
  #streams = 0;
  #atMs = 0;

  async node(
    identity: Host,
    chain: readonly string[],
    options: { stores?: SpreadNode['stores']; pullIntervalMs?: number } = {},
  ): Promise<SpreadNode> {
    const { stores = { revocations: new MemoryStore(), signers: new MemoryStore() }, pullIntervalMs } = options;
    const nodeId = identity.node.peerId;
    const revocations = await Revocations.open({ store: stores.revocations, nowMs: this.wallMs() });
    const reports = new Reports();
    const policyListeners = new Set<() => void>();
    const joint = {
      nodeId,
      chain,
      revocations,
      reports,
      stores,
      policy: genesis as PolicyView,
      peers: new Map(),
      admittedListeners: new Set(),
      refused: [],
      asked: 0,
      told: 0,
    } as unknown as Joint;
    const spread = await RevocationSpread.open({
      host: this.#hostOf(joint),
      village: {
        villageId,
        constitution,
        policy: () => joint.policy,
        onPolicy: (listener) => (policyListeners.add(listener), () => policyListeners.delete(listener)),
        chain: () => chain,
      },
      revocations,
      store: stores.signers,
      reporter: reports,
      clock: {
        wallMs: () => this.wallMs(),
        now: () => this.#atMs,
        chance: () => 0.5,
        after: (ms, run) => this.#after(ms, run),
      },
      pullIntervalMs,
    });
    Object.assign(joint, {
      spread,
      knows: (by: Host, token: string) => {
        const subject = { agentId: '', homeNode: by.node.peerId, issuedAtMs: NOW_MS };
        return revocations.isRevoked({ ...subject, tokenId: tokenNamed(token) });
      },
      setPolicy: (policy: PolicyView) => {
        joint.policy = policy;
        for (const listener of policyListeners) listener();
      },
    });
    this.#nodes.set(nodeId, joint);
    spread.start();
    return joint;
  }

  wallMs(): number {
    return NOW_MS + this.#atMs;
  }

  /** Nobody is asking anybody. */
  get quiet(): boolean {
    return this.#streams === 0;
  }

  /** Both admit each other. */
  connect(one: SpreadNode, other: SpreadNode): void {
    this.#admit(one.nodeId, other.nodeId);
    this.#admit(other.nodeId, one.nodeId);
  }

  cut(one: SpreadNode, other: SpreadNode): void {
    this.#nodes.get(one.nodeId)?.peers.delete(other.nodeId);
    this.#nodes.get(other.nodeId)?.peers.delete(one.nodeId);
  }

  /** Lets time pass, and what is due happen. */
  pass(ms: number): void {
    this.#atMs += ms;
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.#atMs)) {
      if (this.#timers.delete(timer)) timer.run();
    }
  }

  /** Bytes of anyone's making, gossiped by `from`. Answers whether `to` passes them on. */
  gossip(from: SpreadNode, to: SpreadNode, data: Uint8Array): boolean {
    return (this.#nodes.get(to.nodeId) as Joint).accept(data, from.nodeId);
  }

  /** A stream to what `to` answers, opened by `from`. */
  async stream(from: SpreadNode, to: SpreadNode): Promise<Stream> {
    return this.#open(this.#nodes.get(from.nodeId) as Joint, to.nodeId);
  }

  /** In place of what `node` answers. */
  answerWith(node: SpreadNode, handler: StreamHandler): void {
    (this.#nodes.get(node.nodeId) as Joint).answer = handler;
  }

  #hostOf(joint: Joint) {
    const { nodeId, peers, admittedListeners } = joint;
    return {
      nodeId,
      handle: (_spec: unknown, handler: StreamHandler) => void (joint.answer = handler),
      subscribe: (_topic: string, accept: Joint['accept']) => void (joint.accept = accept),
      publish: async (_topic: string, data: Uint8Array) => {
        joint.told += 1;
        this.#flood(joint, data);
      },
      openStream: (target: string) => {
        joint.asked += 1;
        return this.#open(joint, target);
      },
      admitted: () => peers,
      onAdmitted: (listener: (peer: AdmittedPeer) => void) => {
        admittedListeners.add(listener);
        return () => admittedListeners.delete(listener);
      },
    };
  }

  /** To all that are connected, by way of those that pass it on; each hears it once. */
  #flood(publisher: Joint, data: Uint8Array): void {
    const heard = new Set([publisher.nodeId]);
    const passing = [publisher];
    for (let joint = passing.shift(); joint !== undefined; joint = passing.shift()) {
      for (const nodeId of joint.peers.keys()) {
        if (heard.has(nodeId)) continue;
        heard.add(nodeId);
        const next = this.#nodes.get(nodeId) as Joint;
        if (next.accept(data, publisher.nodeId)) passing.push(next);
        else next.refused.push(data);
      }
    }
  }

  async #open(from: Joint, target: string): Promise<Stream> {
    const to = from.peers.has(target) ? this.#nodes.get(target) : undefined;
    if (to === undefined) throw new Error('no connection');
    this.#streams += 1;
    const [near, far] = await streamPair();
    near.addEventListener('close', () => (this.#streams -= 1));
    void Promise.resolve(to.answer(far, { nodeId: from.nodeId } as Parameters<StreamHandler>[1])).catch(
      () => undefined,
    );
    return near;
  }

  #admit(at: string, nodeId: string): void {
    const { peers, policy, admittedListeners } = this.#nodes.get(at) as Joint;
    const { chain } = this.#nodes.get(nodeId) as Joint;
    const verdict = verifyMembership(chain, { constitution, villageId, policy, nowMs: this.wallMs(), nodeId });
    if (verdict.kind === 'refused') throw new Error(`the test’s own chain is refused: ${verdict.because}`);
    const peer: AdmittedPeer = { nodeId, membership: verdict.membership, since: this.wallMs(), bootSeq: 1 };
    peers.set(nodeId, peer);
    for (const listener of admittedListeners) listener(peer);
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#atMs + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
