import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { createPrivateKey, sign } from 'node:crypto';
import { type Actor, Governance, type VoterKeys } from '../../node/governance/index.ts';
import type { AdmittedPeer, StreamHandler } from '../../node/host/mesh-host.ts';
import { askSponsor, type SponsorReply } from '../../protocols/governance/index.ts';
import { MemoryStore } from '../../node/storage/index.ts';
import { type Constitution, type MembershipVerdict, Policy, villageIdOf } from '../../src/constitution/index.ts';
import { keypair, type Keypair } from './keypair.ts';
import { Reports } from './mesh-hosts.ts';
import { constitution as small, NOW_MS } from './small-village.ts';

export const voters = { sage: keypair(50), curator: keypair(52), king: keypair(53) } as const;
export type VoterName = keyof typeof voters;

/** A village with the three voters of the specification. */
export const constitution: Constitution = {
  ...small,
  voters: Object.fromEntries(Object.entries(voters).map(([name, key]) => [name, key.x])),
  thresholds: { minor_change: 1, major_change: 2, critical_change: 3, emergency_action: 1 },
  change_types: {
    'display.*': 'minor_change',
    'notify.*': 'minor_change',
    'knowledge.*': 'major_change',
    '*': 'critical_change',
  },
  policy: { ...small.policy, 'display.village_name': 'small' },
};
export const villageId = villageIdOf(constitution);

/** Keys that can be moved between nodes and copies of nodes. */
export class KeyRing implements VoterKeys {
  readonly names: Set<string>;

  constructor(names: readonly string[]) {
    this.names = new Set(names);
  }

  list(): readonly string[] {
    return [...this.names].sort();
  }

  publicKey(name: string): string | undefined {
    return this.names.has(name) ? voters[name as VoterName].x : undefined;
  }

  sign(name: string, message: Uint8Array): Uint8Array | undefined {
    if (!this.names.has(name)) return undefined;
    const { x, d } = voters[name as VoterName];
    return sign(null, message, createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' }));
  }
}

export interface TestNode {
  readonly nodeId: string;
  readonly key: Keypair;
  readonly governance: Governance;
  readonly reports: Reports;
  readonly store: MemoryStore;
  readonly keys: KeyRing;
  readonly policy: () => Policy;
  /** What was gossiped to it and not passed on. */
  readonly refused: Uint8Array[];
  /** Streams it opened to ask. */
  asked: number;
  /** What it gossiped. */
  readonly published: Uint8Array[];
  /** The voter, as the pipeline of this node proves it. */
  as(agentId: string, changes?: Partial<Actor>): Actor;
  restarted(store?: MemoryStore): Promise<TestNode>;
}

interface Joint extends TestNode {
  peers: Map<string, AdmittedPeer>;
  listeners: Set<(peer: AdmittedPeer) => void>;
  accept: (data: Uint8Array, from: string) => boolean;
  answer: StreamHandler;
  mute: boolean;
}

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

export interface NodeOptions {
  readonly holds?: readonly string[];
  readonly store?: MemoryStore;
  readonly alone?: boolean;
  readonly wallSkewMs?: number;
  /** The disk was put back. */
  readonly restored?: boolean;
}

const MEMBER = { host: true, invite: false, issue: 'OPERATOR' } as const;

/** Nodes with real governance on a network and a clock of the test's own. */
export class GovernanceNetwork {
  readonly nodes = new Map<string, Joint>();
  readonly #timers = new Set<Timer>();
  #atMs = 0;
  #running = 0;

  async node(seed: number, options: NodeOptions = {}): Promise<TestNode> {
    const { holds = [], store = new MemoryStore(), alone = false, wallSkewMs = 0, restored = false } = options;
    const key = keypair(seed);
    const nodeId = key.peerId;
    const reports = new Reports();
    let policy = new Policy(constitution);
    const keys = new KeyRing(holds);
    const joint = {
      nodeId,
      key,
      reports,
      store,
      keys,
      policy: () => policy,
      refused: [],
      published: [],
      asked: 0,
      mute: false,
      peers: new Map(),
      listeners: new Set(),
      as: (agentId: string, changes = {}) => ({ agentId, homeNode: nodeId, issuedAtMs: this.wallMs(), ...changes }),
      restarted: async (kept: MemoryStore = store) => {
        const peers = [...joint.peers.keys()];
        joint.mute = true;
        await this.settle();
        await joint.governance.stop();
        for (const peer of peers) this.cutById(nodeId, peer);
        return this.node(seed, { ...options, holds: keys.list(), store: kept, restored: kept !== store });
      },
    } as unknown as Joint;
    this.nodes.set(nodeId, joint);
    const governance = await Governance.open({
      host: this.#hostOf(joint),
      village: {
        villageId,
        constitution,
        policy: () => policy,
        setPolicy: (next) => {
          policy = next;
        },
        chain: () => [],
        verify: (_chain, id) => this.#verify(id),
      },
      reporter: reports,
      clock: {
        wallMs: () => this.wallMs() + wallSkewMs,
        now: () => this.#atMs,
        chance: () => 0.5,
        after: (ms, run) => this.#after(ms, run),
      },
      store,
      keys,
      sign: (typ, payload) => key.jws(typ, payload),
      alone: () => alone,
      restored,
    });
    Object.assign(joint, { governance });
    governance.start();
    return joint;
  }

  wallMs(): number {
    return NOW_MS + this.#atMs;
  }

  connect(one: TestNode, other: TestNode): void {
    this.#admit(one.nodeId, other.nodeId);
    this.#admit(other.nodeId, one.nodeId);
  }

  cut(one: TestNode, other: TestNode): void {
    this.cutById(one.nodeId, other.nodeId);
  }

  cutById(one: string, other: string): void {
    this.nodes.get(one)?.peers.delete(other);
    this.nodes.get(other)?.peers.delete(one);
  }

  /** Gossips bytes of the test's own as if `from` had published them, to one node; whether it passes them on. */
  offer(to: TestNode, data: Uint8Array, from = 'somebody'): boolean {
    return (this.nodes.get(to.nodeId) as Joint).accept(data, from);
  }

  /** Brings a request to `to` on a stream that `from` opened. */
  async request(to: TestNode, from: string, request: string): Promise<SponsorReply> {
    const [near, far] = await streamPair();
    const { answer } = this.nodes.get(to.nodeId) as Joint;
    void Promise.resolve(answer(far, { nodeId: from } as Parameters<StreamHandler>[1])).catch(() => undefined);
    return askSponsor(near, request, { signal: AbortSignal.timeout(2_000) });
  }

  /** Lets everything that needs no time happen. */
  async settle(): Promise<void> {
    for (let turns = 0, quiet = 0; quiet < 8 && turns < 2_000; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#running === 0 ? quiet + 1 : 0;
    }
  }

  /** Time passes, timer by timer, and all that follows from it happens. */
  async pass(ms: number): Promise<void> {
    const until = this.#atMs + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].filter(({ atMs }) => atMs <= until).sort((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#atMs = Math.max(this.#atMs, next.atMs);
      next.run();
      await this.settle();
    }
    this.#atMs = until;
    await this.settle();
  }

  /** A long time passes at once: whatever was due in it happens at its end. */
  async jump(ms: number): Promise<void> {
    this.#atMs += ms;
    await this.pass(0);
  }

  async stop(): Promise<void> {
    for (const { governance } of this.nodes.values()) await governance.stop();
  }

  #hostOf(joint: Joint): Parameters<typeof Governance.open>[0]['host'] {
    return {
      nodeId: joint.nodeId,
      handle: (_protocol, handler) => {
        joint.answer = handler;
      },
      subscribe: (_topic, accept) => {
        joint.accept = accept;
      },
      publish: async (_topic, data) => {
        joint.published.push(data);
        this.#flood(joint, data);
      },
      openStream: async (target) => {
        joint.asked += 1;
        return this.#open(joint, target);
      },
      admitted: () => joint.peers,
      onAdmitted: (listener) => {
        joint.listeners.add(listener);
        return () => joint.listeners.delete(listener);
      },
    };
  }

  /** Each node hears it once, and passes it on unless it refuses. */
  #flood(publisher: Joint, data: Uint8Array): void {
    if (publisher.mute) return;
    const heard = new Set([publisher.nodeId]);
    const passing = [publisher];
    for (let joint = passing.shift(); joint !== undefined; joint = passing.shift()) {
      for (const nodeId of joint.peers.keys()) {
        const next = this.nodes.get(nodeId);
        if (heard.has(nodeId) || next === undefined || next.mute) continue;
        heard.add(nodeId);
        if (next.accept(data, publisher.nodeId)) passing.push(next);
        else next.refused.push(data);
      }
    }
  }

  async #open(from: Joint, target: string): Promise<Stream> {
    const to = from.peers.has(target) && !from.mute ? this.nodes.get(target) : undefined;
    if (to === undefined || to.mute) throw new Error('no connection');
    const [near, far] = await streamPair();
    this.#running += 1;
    void Promise.resolve(to.answer(far, { nodeId: from.nodeId } as Parameters<StreamHandler>[1]))
      .catch(() => undefined)
      .finally(() => {
        this.#running -= 1;
      });
    return near;
  }

  #admit(at: string, nodeId: string): void {
    const joint = this.nodes.get(at) as Joint;
    const verdict = this.#verify(nodeId);
    if (verdict.kind === 'refused') throw new Error('no member');
    const peer: AdmittedPeer = { nodeId, membership: verdict.membership, since: this.wallMs(), bootSeq: 1 };
    joint.peers.set(nodeId, peer);
    for (const listener of joint.listeners) listener(peer);
  }

  #verify(nodeId: string): MembershipVerdict {
    if (!this.nodes.has(nodeId)) return { kind: 'refused', because: 'broken-chain' };
    const membership = {
      nodeId,
      issuerKey: new Uint8Array(32),
      may: MEMBER,
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      chain: [],
      depth: 1,
    };
    return { kind: 'member', membership };
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#atMs + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** A statement signed by a voter, written out: canonical JSON and JWS made by other code than ours. */
export function statementBy(voter: VoterName, kid: string, payload: object): string {
  return voters[voter].jwsOf(JSON.stringify({ alg: 'Ed25519', kid, typ: 'village-gov+jws' }), sorted(payload));
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${sorted(item)}`).join(',')}}`;
}
