import {
  adOf,
  type Checks,
  type FogAd,
  LIMITS,
  type Message,
  type NodeConfig,
  type NodeEvent,
  type NodeState,
  type NodeStep,
  type ShardSpec,
  startNode,
  stepNode,
  type ToNode,
  type ToOwner,
  VOTE_POLICY,
} from '../../../src/fog/index.ts';

const CAPACITY = { cpuMilli: 4_000, memMib: 8_192, diskMib: 10_000, gpus: 2 };

export const CONFIG: NodeConfig = {
  node: 'node',
  capacity: CAPACITY,
  gpuIds: ['gpu0', 'gpu1'],
  maxShards: 8,
  runtimes: ['role:worker'],
  enforcement: ['cgroup'],
  labels: { region: 'attic' },
  policy: { accepts: true, maxPriority: 'emergency', maxShard: CAPACITY },
  votePolicy: { ...VOTE_POLICY, priority: 'emergency' },
  limits: LIMITS,
};

export const SPEC: ShardSpec = {
  v: 1,
  agentType: 'magi',
  artifact: 'role:worker',
  args: {},
  env: {},
  res: { cpuMilli: 1_000, memMib: 1_024, diskMib: 0, gpus: 0 },
  priority: 'normal',
  mode: 'exclusive',
  preemptible: false,
  labels: {},
  enforcement: [],
  antiAffinity: 'soft',
  trustMin: 0,
  leaseMs: 15_000,
  lingerMs: 0,
};

export const CHECKS: Checks = { level: 'COORDINATOR', wallMs: 0 };

/** A node of which a test looks at what it says and does. */
export class TriedNode {
  nowMs = 1_000;
  state: NodeState;
  said: ToOwner[] = [];
  did: NodeStep['effects'] = [];

  constructor(config: Partial<NodeConfig> = {}) {
    const boot = { bootSeq: 3, instance: 'a'.repeat(32), nowMs: this.nowMs, fences: new Map(), placements: [] };
    this.state = startNode({ ...CONFIG, ...config }, boot).state;
  }

  step(event: NodeEvent): this {
    const { state, effects } = stepNode(this.state, { ...event, nowMs: this.nowMs });
    this.state = state;
    this.did = effects;
    this.said = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
    return this;
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this.step({ kind: 'tick' });
  }

  hear(message: ToNode, options: { from?: string; checks?: Partial<Checks> } = {}): this {
    return this.step({
      kind: 'message',
      from: options.from ?? 'owner',
      message,
      checks: { ...CHECKS, ...options.checks },
    });
  }

  reserve(reservationId: string, change: Partial<Message<'reserve'>> = {}): this {
    const attempt = { deployment: 'd', slot: 0, term: 1, epoch: 1, agent: 'magi' };
    return this.hear({ kind: 'reserve', reservationId, ...attempt, spec: SPEC, ttlMs: 10_000, ...change });
  }

  heard<K extends ToOwner['kind']>(kind: K): Extract<ToOwner, { kind: K }> | undefined {
    return this.said.find((message): message is Extract<ToOwner, { kind: K }> => message.kind === kind);
  }

  effect<K extends NodeStep['effects'][number]['kind']>(kind: K) {
    return this.did.find((one): one is Extract<NodeStep['effects'][number], { kind: K }> => one.kind === kind);
  }
}

export function adFrom(state: NodeState, change: Partial<FogAd> = {}): FogAd {
  const power = { source: 'mains', percent: null, charging: false } as const;
  const known = { village: '0'.repeat(64), seq: 1, ts: 1, gpus: [], power, thermal: 'normal', psi: null } as const;
  return { ...adOf(state, { ...known, gpus: [] }), ...change };
}
