import type { ChangeType, Level } from '../permissions/index.ts';

/** One line of the genesis matrix. Audited unless said otherwise. */
export interface ToolEntry {
  readonly level: Level;
  readonly audit?: false;
  readonly perMinute?: number;
  readonly approval?: ChangeType;
  readonly justification?: true;
  readonly onlyAgent?: string;
}

const forOnly = (onlyAgent: string, level: Level, tools: readonly string[]): Record<string, ToolEntry> =>
  Object.fromEntries(tools.map((tool) => [tool, { level, onlyAgent }]));

/**
 * The permission matrix of an AIVillage at its birth. Levels and rates that the specification leaves open: what only looks
 * asks for READ_ONLY, what an OPERATOR's start-up or own data needs asks for OPERATOR, what takes others' machines for
 * COORDINATOR; a tool of one agent asks for that agent's own level.
 */
export const TOOLS: Readonly<Record<string, ToolEntry>> = {
  // Knowledge and twin
  hyperrag_query: { level: 'READ_ONLY', audit: false, perMinute: 50 },
  hyperrag_memory: { level: 'OPERATOR', perMinute: 20 },
  hyperrag_connect: { level: 'OPERATOR' },
  trust_network_query: { level: 'READ_ONLY' },
  knowledge_elevation: { level: 'OPERATOR', perMinute: 10 },
  mini_rag_query: { level: 'OPERATOR' },

  // Peers
  p2p_network_join: { level: 'OPERATOR' },
  agent_communication: { level: 'OPERATOR', perMinute: 30 },
  discover_nodes: { level: 'READ_ONLY', audit: false },
  discover_servers: { level: 'READ_ONLY', audit: false },
  discover_fog_nodes: { level: 'READ_ONLY' },
  network_status: { level: 'READ_ONLY', audit: false },
  mesh_ping: { level: 'READ_ONLY', audit: false },

  // Fog
  fog_coordination: { level: 'COORDINATOR', perMinute: 15 },
  resource_request: { level: 'OPERATOR' },
  resource_allocation: { level: 'COORDINATOR', perMinute: 5, approval: 'minor_change' },
  deploy_agent_shard: { level: 'COORDINATOR' },
  // A deployment that is larger than `fog.vote_above` allows.
  fog_deployment: { level: 'COORDINATOR', approval: 'major_change' },
  stop_agent_shard: { level: 'COORDINATOR' },
  drain_fog_node: { level: 'COORDINATOR' },
  plan_agent_shard: { level: 'READ_ONLY', audit: false },
  get_shard_status: { level: 'READ_ONLY', audit: false },
  list_shards: { level: 'READ_ONLY', audit: false },
  explain_shard: { level: 'READ_ONLY', audit: false },

  // Governance and monitoring
  register_agent: { level: 'OPERATOR' },
  status_broadcast: { level: 'READ_ONLY' },
  governance_proposal: { level: 'GOVERNANCE', perMinute: 5 },
  governance_vote: { level: 'GOVERNANCE', perMinute: 10 },
  governance_hold: { level: 'GOVERNANCE', perMinute: 10 },
  governance_withdraw: { level: 'GOVERNANCE', perMinute: 10 },
  policy_query: { level: 'READ_ONLY' },
  compliance_audit: { level: 'GOVERNANCE' },
  system_overview: { level: 'READ_ONLY', audit: false, perMinute: 30 },
  performance_metrics: { level: 'READ_ONLY' },
  emergency_override: { level: 'EMERGENCY', justification: true },

  // Tools of one agent
  emergency_system_shutdown: { level: 'EMERGENCY', perMinute: 2, onlyAgent: 'king' },
  king_override_vote: { level: 'EMERGENCY', perMinute: 1, justification: true, onlyAgent: 'king' },
  ...forOnly('king', 'EMERGENCY', [
    'crisis_management',
    'system_recovery',
    'agent_authorization_management',
    'emergency_resource_requisition',
  ]),
  ...forOnly('sage', 'GOVERNANCE', [
    'research_knowledge_gap',
    'auto_research_update',
    'knowledge_synthesis',
    'fact_verification',
    'research_proposal_creation',
    'literature_analysis',
  ]),
  ...forOnly('magi', 'COORDINATOR', [
    'deep_system_analysis',
    'pattern_recognition',
    'predictive_modeling',
    'anomaly_detection',
    'performance_optimization',
    'risk_assessment',
  ]),
  ...forOnly('oracle', 'COORDINATOR', [
    'system_performance_prediction',
    'resource_demand_forecasting',
    'failure_prediction',
    'trend_analysis',
    'capacity_planning',
    'optimization_forecasting',
  ]),
  ...forOnly('curator', 'GOVERNANCE', [
    'memory_optimization',
    'knowledge_organization',
    'data_lifecycle_management',
    'memory_garbage_collection',
    'knowledge_archival',
    'memory_integrity_check',
  ]),
};
