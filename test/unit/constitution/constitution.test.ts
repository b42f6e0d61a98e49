import { describe, expect, test } from 'vitest';
import {
  AIVILLAGE_AGENTS,
  AIVILLAGE_VOTERS,
  aivillageConstitution,
  Constitution,
  nodeSuffix,
  ownAgentId,
  Policy,
  parseAgentId,
  villageIdOf,
  villageTag,
} from '../../../src/constitution/index.ts';
import { aivillage } from '../../support/aivillage.ts';
import { constitution } from '../../support/small-village.ts';

const names = Object.keys(AIVILLAGE_AGENTS);

describe('the village of AIVillage', () => {
  const policy = new Policy(aivillage);
  const permission = (tool: string) => policy.permissionFor(tool);

  test('is a valid constitution with 23 agents', () => {
    expect(Constitution.parse(aivillage)).toEqual(aivillage);
    expect(names).toHaveLength(23);
  });

  test('has the voters’ own keys as voters', () => {
    expect([...AIVILLAGE_VOTERS]).toEqual(['sage', 'curator', 'king']);
    for (const voter of AIVILLAGE_VOTERS) expect(aivillage.voters[voter]).toBe(aivillage.agents[voter]?.key);
  });

  test('keeps its id', () => {
    expect(villageIdOf(aivillage)).toBe('8e49be16640b69d28a79319f5d712c84cdd42a1ef837309904b52cce33a99cd1');
  });

  test.each([
    ['king', 'EMERGENCY'],
    ['sage', 'GOVERNANCE'],
    ['curator', 'GOVERNANCE'],
    ['magi', 'COORDINATOR'],
    ['oracle', 'COORDINATOR'],
    ['navigator', 'COORDINATOR'],
    ['coordinator', 'COORDINATOR'],
    ['auditor', 'READ_ONLY'],
    ['gardener', 'OPERATOR'],
    ['shaman', 'OPERATOR'],
  ])('%s is %s', (agent, level) => {
    expect(policy.levelOf(agent)).toBe(level);
  });

  test.each([
    ['hyperrag_query', 'READ_ONLY', 50, false],
    ['hyperrag_memory', 'OPERATOR', 20, true],
    ['knowledge_elevation', 'OPERATOR', 10, true],
    ['agent_communication', 'OPERATOR', 30, true],
    ['fog_coordination', 'COORDINATOR', 15, true],
    ['governance_proposal', 'GOVERNANCE', 5, true],
    ['governance_vote', 'GOVERNANCE', 10, true],
    ['resource_allocation', 'COORDINATOR', 5, true],
    ['system_overview', 'READ_ONLY', 30, false],
    ['emergency_system_shutdown', 'EMERGENCY', 2, true],
    ['king_override_vote', 'EMERGENCY', 1, true],
    ['mesh_ping', 'READ_ONLY', undefined, false],
  ])('%s asks for %s', (tool, level, ratePerMinute, auditRequired) => {
    expect(permission(tool)).toMatchObject({ level, auditRequired });
    expect(permission(tool)?.ratePerMinute).toBe(ratePerMinute);
  });

  test('lets an OPERATOR start up', () => {
    const startUp = ['register_agent', 'hyperrag_connect', 'p2p_network_join', 'resource_request'];
    expect(startUp.map((tool) => permission(tool)?.level)).toEqual(startUp.map(() => 'OPERATOR'));
  });

  test('has a vote before an allocation, and reasons before an override', () => {
    expect(permission('resource_allocation')?.requiresApproval).toBe('minor_change');
    expect(permission('king_override_vote')?.requiresJustification).toBe(true);
    expect(permission('emergency_override')?.requiresJustification).toBe(true);
  });

  test('keeps thirty tools for one agent each', () => {
    const owners = policy
      .keys()
      .filter((key) => key.endsWith('.only_agents'))
      .map((key) => policy.value(key));
    expect(owners).toHaveLength(30);
    for (const agent of ['king', 'sage', 'magi', 'oracle', 'curator']) {
      expect(owners.filter((only) => JSON.stringify(only) === `["${agent}"]`)).toHaveLength(6);
    }
  });

  test('lets each owner reach its own tools', () => {
    expect(permission('fact_verification')).toMatchObject({ level: 'GOVERNANCE', onlyAgents: ['sage'] });
    expect(permission('trend_analysis')).toMatchObject({ level: 'COORDINATOR', onlyAgents: ['oracle'] });
  });

  test('has the first policy keys', () => {
    expect(policy.value('knowledge.retention_days')).toBe(30);
    expect(policy.value('nodes.evicted')).toEqual([]);
    expect(policy.value('tokens.revoked')).toEqual([]);
    expect(policy.value('display.village_name')).toBe('Riverside');
    expect(policy.value('fog.vote_above')).toEqual({ cpu_cores: 8, memory_gb: 16 });
  });

  test('is not made without a key for each agent', () => {
    expect(() =>
      aivillageConstitution({ name: 'x', createdAtMs: 0, founder: { nodeId: 'x', issuerKey: 'x' }, agentKeys: {} }),
    ).toThrow(TypeError);
  });
});

describe('a constitution', () => {
  test('has an id that every word of it counts for', () => {
    const id = villageIdOf(constitution);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(villageIdOf({ ...constitution, name: 'smaller' })).not.toBe(id);
  });

  test('shows outsiders a hash of its id', () => {
    // SHA-256 of 64 zeros as text, worked out elsewhere.
    expect(villageTag('0'.repeat(64))).toBe('60e05bd1');
  });

  test.each([
    ['an unknown member', { constitution: 1 }],
    ['another format', { format: 2 }],
    ['a voter without a key', { voters: { sage: '' } }],
    ['a key in another alphabet', { founder: { ...constitution.founder, issuer_key: '+'.repeat(43) } }],
    ['an agent with a path for a name', { agents: { '../x': constitution.agents['sage'] } }],
    ['an agent of an unknown level', { agents: { sage: { ...constitution.agents['sage'], level: 'ROOT' } } }],
    ['a threshold of nobody', { thresholds: { ...constitution.thresholds, major_change: 0 } }],
    ['a policy key without a namespace', { policy: { x: 1 } }],
    ['a value that is no JSON', { policy: { 'a.b': undefined } }],
  ])('with %s is refused', (_what, changes) => {
    expect(Constitution.safeParse({ ...constitution, ...changes }).success).toBe(false);
  });
});

describe('a name', () => {
  test('is the village’s when bare and a node’s with its suffix', () => {
    expect(parseAgentId('sage')).toEqual({ kind: 'village', name: 'sage' });
    expect(parseAgentId('local@Q3xK9a2Z')).toEqual({ kind: 'node', name: 'local', node: 'Q3xK9a2Z' });
  });

  test('ends in the last characters of the PeerId, which differ', () => {
    expect(nodeSuffix('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')).toBe('KSUKPH5'.padStart(8, 'y'));
    expect(ownAgentId('local', '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')).toBe('local@yKSUKPH5');
  });

  test.each([
    '',
    'Sage',
    'sa ge',
    '../sage',
    'sage\n',
    'sage@',
    'sage@short',
    'sage@0OIl0OIl',
    'sage@Q3xK9a2Z@Q3xK9a2Z',
    `a${'b'.repeat(32)}`,
    'ſage',
  ])('is not %j', (id) => {
    expect(parseAgentId(id)).toBeUndefined();
  });
});
