/** What is learnt from answers and said in later calls. */
export interface Seen {
  /** The id of another node. */
  readonly other: string;
  /** This node's own agent. */
  readonly local: string;
  readonly proposals: string[];
  readonly holds: string[];
}

/** Calls of one tool, one after the other. */
export interface Asked {
  readonly tool: string;
  readonly agent: string;
  readonly times: number;
  readonly note?: string;
  /** In a village of its own: the king acts alone once a minute. */
  readonly isApart?: boolean;
  /** It decides, signs, places, asks around, or reads through the record. */
  readonly isComplex?: boolean;
  readonly args: (n: number) => object;
  readonly keep?: (result: Readonly<Record<string, unknown>>) => void;
}

const READS = 60;
const ACTS = 12;
const SHARDS = 8;
const WHY = 'because its cost is to be known before it is needed';
const SMALL = { cpu_cores: 0.01, memory_gb: 0.0625 };
const HELD = ['auditor', 'banker', 'coordinator', 'ensemble', 'gardener', 'horticulturist'];

/** The tools whose limits are in the way of measuring them. */
export const RATES: readonly string[] = [
  ...['governance_proposal', 'governance_vote', 'governance_hold', 'governance_withdraw', 'compliance_audit'],
  ...['king_override_vote', 'agent_authorization_management', 'deploy_agent_shard', 'stop_agent_shard'],
  ...[
    'plan_agent_shard',
    'drain_fog_node',
    'register_agent',
    'p2p_network_join',
    'resource_allocation',
    'fog_coordination',
  ],
];

/** A day of a village, in an order in which each call has something to do. */
export function builtInCalls(seen: Seen): readonly Asked[] {
  const reads = (tool: string, agent: string, args: object, note?: string): Asked => ({
    ...{ tool, agent, times: READS, args: () => args },
    ...(note === undefined ? {} : { note }),
  });
  const shard = (n: number) => ({ agent_type: 'oracle', shard_id: `bench-${n}`, resource_allocation: SMALL });
  const idOf = (key: string, into: string[]) => (result: Readonly<Record<string, unknown>>) => {
    const id = result[key];
    if (typeof id === 'string') into.push(id);
  };
  return [
    reads('mesh_ping', 'local', {}),
    reads('mesh_ping', 'local', { node_id: seen.other }, 'one hop'),
    reads('network_status', 'local', {}),
    reads('discover_nodes', 'local', {}),
    reads('discover_servers', 'local', {}),
    { ...reads('discover_servers', 'local', { refresh: true }, 'asks around'), isComplex: true },
    { ...reads('p2p_network_join', 'local', { node_id: seen.other }), times: ACTS },
    { ...reads('register_agent', 'local', { agent_id: seen.local, capabilities: ['measuring'] }), times: ACTS },
    reads('policy_query', 'local', { policy_category: 'all' }),
    reads('policy_query', 'local', { key: 'knowledge.retention_days', include_history: true }, 'one key, history'),
    reads('discover_fog_nodes', 'local', { min_cpu_cores: 0.1 }),
    reads('resource_request', 'local', { agent_id: seen.local, cpu_cores: 0.1, memory_mb: 64 }),
    reads('plan_agent_shard', 'local', shard(0)),
    reads('fog_coordination', 'magi', { action: 'request_resources', resource_requirements: SMALL }),
    {
      ...{ tool: 'resource_allocation', agent: 'magi', times: 5, isComplex: true, note: 'becomes a proposal' },
      args: () => ({ action: 'view' }),
    },
    {
      ...{ tool: 'deploy_agent_shard', agent: 'magi', times: SHARDS, isComplex: true, note: 'until a node accepted' },
      args: (n) => ({ ...shard(n), wait: 'accepted' }),
    },
    reads('list_shards', 'magi', {}),
    reads('get_shard_status', 'magi', { shard_id: 'bench-0' }),
    reads('explain_shard', 'magi', { shard_id: 'bench-0' }),
    {
      ...{
        tool: 'stop_agent_shard',
        agent: 'magi',
        times: SHARDS,
        isComplex: true,
        note: 'waits for the end of its process',
      },
      args: (n) => ({ shard_id: `bench-${n}` }),
    },
    { ...reads('drain_fog_node', 'magi', { undrain: true }), times: ACTS },
    {
      ...{ tool: 'governance_proposal', agent: 'curator', times: ACTS, isComplex: true },
      args: (n) => ({
        title: `Measure ${n}`,
        description: 'A resolution',
        type: 'major_change',
        proposed_changes: { config_updates: { [`custom.bench_${n}`]: n } },
      }),
      keep: idOf('proposal_id', seen.proposals),
    },
    {
      ...{ tool: 'governance_vote', agent: 'curator', times: ACTS - 4, isComplex: true },
      args: (n) => ({ proposal_id: seen.proposals[n], vote: 'approve', reasoning: 'good' }),
    },
    {
      ...{ tool: 'governance_vote', agent: 'sage', times: ACTS - 4, isComplex: true, note: 'the one that decides' },
      args: (n) => ({ proposal_id: seen.proposals[n], vote: 'approve', reasoning: 'good', final: true }),
    },
    {
      ...{ tool: 'king_override_vote', agent: 'king', times: 1, isComplex: true },
      args: () => ({ proposal_id: seen.proposals[ACTS - 1], action: 'suppress', justification: WHY }),
    },
    {
      ...{ tool: 'governance_hold', agent: 'curator', times: HELD.length, isComplex: true },
      args: (n) => ({ target: { kind: 'agent', id: HELD[n] }, justification: WHY }),
      keep: idOf('hold_id', seen.holds),
    },
    {
      ...{ tool: 'governance_withdraw', agent: 'curator', times: HELD.length, isComplex: true },
      args: (n) => ({ id: seen.holds[n] }),
    },
    reads('agent_authorization_management', 'king', { action: 'list' }),
    { ...reads('compliance_audit', 'curator', { audit_type: 'full' }), isComplex: true },
    {
      ...{ tool: 'emergency_override', agent: 'king', times: 1, isComplex: true, isApart: true },
      args: () => ({ override_action: 'privacy_lockdown', target_system: 'hyperrag', justification: WHY }),
    },
    {
      ...{ tool: 'emergency_system_shutdown', agent: 'king', times: 1, isComplex: true, isApart: true },
      args: () => ({ justification: WHY }),
    },
  ];
}
