import type { ChangeType, Level } from '../permissions/index.ts';
import { TOOLS } from './aivillage-tools.ts';
import type { Constitution, PolicyValue } from './constitution.ts';

export interface PresetAgent {
  readonly level: Level;
  readonly role: string;
}

/** The 23 agents of AIVillage. Levels: the specification's where it says one, OPERATOR where it says "others". */
export const AIVILLAGE_AGENTS: Readonly<Record<string, PresetAgent>> = {
  king: { level: 'EMERGENCY', role: 'Orchestrator, job scheduler, emergency oversight' },
  magi: { level: 'COORDINATOR', role: 'Engineering and model research' },
  oracle: { level: 'COORDINATOR', role: 'Science and simulation' },
  sage: { level: 'GOVERNANCE', role: 'Research lead and knowledge graph' },
  navigator: { level: 'COORDINATOR', role: 'Routing and data movement' },
  curator: { level: 'GOVERNANCE', role: 'Content organisation' },
  tutor: { level: 'OPERATOR', role: 'Learning and assessment' },
  medic: { level: 'OPERATOR', role: 'Telehealth triage and guidance' },
  coordinator: { level: 'COORDINATOR', role: 'Multi-agent workflow and service levels' },
  gardener: { level: 'OPERATOR', role: 'System upkeep and topology' },
  auditor: { level: 'READ_ONLY', role: 'Receipts, risk and compliance' },
  legal: { level: 'OPERATOR', role: 'Law, policy and contracts' },
  shield: { level: 'OPERATOR', role: 'Blue team and constitutional enforcement' },
  sword: { level: 'OPERATOR', role: 'Red team and adversarial testing' },
  strategist: { level: 'OPERATOR', role: 'Long-horizon planning' },
  ensemble: { level: 'OPERATOR', role: 'Creative media' },
  maker: { level: 'OPERATOR', role: 'Makerspaces and production' },
  banker: { level: 'OPERATOR', role: 'Treasury and investment' },
  merchant: { level: 'OPERATOR', role: 'Marketplace and credits' },
  polyglot: { level: 'OPERATOR', role: 'Translation and linguistics' },
  horticulturist: { level: 'OPERATOR', role: 'Smart agriculture' },
  sustainer: { level: 'OPERATOR', role: 'Capacity and efficiency' },
  shaman: { level: 'OPERATOR', role: 'Human factors and patterns' },
};

/** Who votes in a village of this preset. */
export const AIVILLAGE_VOTERS = ['sage', 'curator', 'king'] as const;

/** Least type of the proposal that may decide a policy key: the longest pattern that fits; `*` ends a pattern. */
const CHANGE_TYPES: Readonly<Record<string, ChangeType>> = {
  'display.*': 'minor_change',
  'notify.*': 'minor_change',
  'knowledge.*': 'major_change',
  'twin.*': 'major_change',
  'routing.*': 'major_change',
  'rates.*': 'major_change',
  'fog.*': 'major_change',
  'threat.*': 'major_change',
  'tools.*': 'major_change',
  'cache.*': 'major_change',
  'custom.*': 'major_change',
  'permissions.tools.*': 'major_change',
  'agents.levels.*': 'major_change',
  'agents.keys.*': 'major_change',
  'nodes.evicted': 'major_change',
  'tokens.revoked': 'major_change',
  '*': 'critical_change',
};

export interface PresetOptions {
  readonly name: string;
  readonly createdAtMs: number;
  readonly founder: { readonly nodeId: string; readonly issuerKey: string };
  /** Agent name → raw Ed25519 public key, base64url: one for each of `AIVILLAGE_AGENTS`. */
  readonly agentKeys: Readonly<Record<string, string>>;
}

/** The genesis of an AIVillage. Throws TypeError when an agent has no key. */
export function aivillageConstitution(options: PresetOptions): Constitution {
  const keyOf = (agent: string): string => {
    const key = options.agentKeys[agent];
    if (key === undefined) throw new TypeError(`no key for agent ${agent}`);
    return key;
  };
  return {
    format: 1,
    name: options.name,
    created_at: options.createdAtMs,
    founder: { node_id: options.founder.nodeId, issuer_key: options.founder.issuerKey },
    voters: Object.fromEntries(AIVILLAGE_VOTERS.map((agent) => [agent, keyOf(agent)])),
    agents: Object.fromEntries(
      Object.entries(AIVILLAGE_AGENTS).map(([agent, { level, role }]) => [agent, { key: keyOf(agent), level, role }]),
    ),
    thresholds: { minor_change: 1, major_change: 2, critical_change: 3, emergency_action: 1 },
    change_types: { ...CHANGE_TYPES },
    policy: {
      'display.village_name': options.name,
      'fog.vote_above': { cpu_cores: 8, memory_gb: 16 },
      'knowledge.retention_days': 30,
      'nodes.evicted': [],
      'tokens.revoked': [],
      ...matrixKeys(),
    },
  };
}

function matrixKeys(): Record<string, PolicyValue> {
  const keys: Record<string, PolicyValue> = {};
  for (const [tool, entry] of Object.entries(TOOLS)) {
    const at = `permissions.tools.${tool}`;
    keys[`${at}.level`] = entry.level;
    if (entry.audit === false) keys[`${at}.audit`] = false;
    if (entry.approval !== undefined) keys[`${at}.approval`] = entry.approval;
    if (entry.justification === true) keys[`${at}.justification`] = true;
    if (entry.onlyAgent !== undefined) keys[`${at}.only_agents`] = [entry.onlyAgent];
    if (entry.perMinute !== undefined) keys[`rates.${tool}.per_minute`] = entry.perMinute;
  }
  return keys;
}
