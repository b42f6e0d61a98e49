import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { objectToPolicyValue, Policy, POLICY_KEYS, type PolicyValue } from '../../../src/constitution/index.ts';
import { GENESIS, Ledger } from '../../../src/governance/index.ts';
import { aivillage } from '../../support/aivillage.ts';
import { ROOT } from '../../support/process-node.ts';

const digest = 'a'.repeat(64);

describe('a policy key', () => {
  test.each([
    ['knowledge.retention_days', [1, 90, 36_500], [0, -1, 36_501, 1.5, '90', null, true]],
    ['audit.retention_days', [1, 365], [0, '365', null]],
    ['rates.mesh_ping.per_minute', [1, 1_000], [0, '5', null, [1]]],
    ['rates.per_agent.per_minute', [60, null], [0, 1, '5', []]],
    ['rates.per_node.per_second', [10, null], [0, 1, '5', []]],
    ['permissions.tools.mesh_ping.level', ['READ_ONLY', 'EMERGENCY'], ['KING', '', 1, null]],
    ['permissions.tools.mesh_ping.approval', ['minor_change', null], ['emergency_action', 'x', 1]],
    ['permissions.tools.mesh_ping.audit', [true, false], ['true', 1, null]],
    ['permissions.tools.mesh_ping.audit_content', [true, false], ['true', 1, null]],
    ['permissions.tools.mesh_ping.only_agents', [['king'], null, []], ['king', [1], ['']]],
    ['agents.levels.sage', ['OPERATOR'], ['ROOT', null]],
    ['agents.levels.local@Q3xK9a2Z', ['READ_ONLY'], ['ROOT', null]],
    ['agents.keys.newcomer', ['A'.repeat(43), null], ['A'.repeat(42), '', 5]],
    ['nodes.evicted', [[], ['12D3KooWx']], ['12D3KooWx', [1], null, ['x'.repeat(129)]]],
    ['nodes.admission', ['invite', 'closed'], ['open', null, true]],
    ['nodes.rights.12D3KooWx', [{ invite: false }, { issue: 'OPERATOR' }, null], [{ vote: true }, true, 'none']],
    ['issuers.blocked', [[], ['12D3KooWx']], ['*', null]],
    ['tokens.revoked', [[], [digest]], [['abc'], digest, null]],
    ['emergency.blocked', [[], ['*'], ['memory']], ['*', [1], true]],
    [
      'fog.vote_above',
      [{ cpu_cores: 4, memory_gb: 8 }],
      [{ cpu_cores: 4 }, { cpu_cores: 4, memory_gb: 8, x: 1 }, { cpu_cores: -1, memory_gb: 8 }, 4, null],
    ],
    ['fog.vote_above_slots', [0, 8], [-1, null]],
    ['fog.approved_artifacts', [[], [digest]], [['abc'], null]],
    ['routing.max_attempts', [1, 8], [0, 9, '3']],
    ['threat.block_above', [0, 80, 100], [-1, 101, '80']],
    ['threat.quarantined', [[], ['sword']], ['sword', null]],
    ['tools.changed', ['warn', 'block'], ['allow', null]],
    ['tools.approved', [[], [digest]], ['*', [1]]],
    ['cache.enabled', [true, false], ['yes', 0]],
    ['display.village_name', ['Hamlet'], ['', 'x'.repeat(65), 5]],
    ['custom.bakery.opening_hours', [1, 'x', null, { a: [1] }], ['x'.repeat(4_097)]],
  ] as [string, PolicyValue[], PolicyValue[]][])(
    '%s takes what its reader understands, and nothing else',
    (key, good, bad) => {
      expect(good.filter((value) => objectToPolicyValue(key, value) !== undefined)).toEqual([]);
      expect(bad.filter((value) => objectToPolicyValue(key, value) === undefined)).toEqual([]);
    },
  );

  test.each([
    ['knowlege.retention_days', 'knowledge.retention_days'],
    ['knowledge.retention_day', 'knowledge.retention_days'],
    ['rates.mesh_ping.per_minutes', 'rates.mesh_ping.per_minute'],
    ['permission.tools.mesh_ping.level', 'permissions.tools.mesh_ping.level'],
    ['agents.level.sage', 'agents.levels.sage'],
    ['fog.vote_over', 'fog.vote_above'],
  ])('that does not exist is refused: for %s the nearest is %s', (key, near) => {
    expect(objectToPolicyValue(key, 1)).toContain(`there is no policy key ${key}. Did you mean ${near}?`);
  });

  test.each(['nosuch.key', 'custom', 'permissions.tools.level', 'rates.*.per_hour', 'knowledge.retention_days.x'])(
    'that does not exist is refused: %s',
    (key) => {
      expect(objectToPolicyValue(key, 1)).toMatch(/^there is no policy key /);
    },
  );

  test('that the village has and this program does not know may change', () => {
    expect(objectToPolicyValue('nosuch.key', 1, { declared: true })).toBeUndefined();
    expect(objectToPolicyValue('knowledge.retention_days', 'x', { declared: true })).toBeDefined();
  });

  test('has a beginning that fits', () => {
    const wrong = POLICY_KEYS.filter(
      ({ key, preset }) => preset !== undefined && objectToPolicyValue(key, preset) !== undefined,
    );
    expect(wrong).toEqual([]);
  });

  test('takes, in a village of the preset, the type of change that the table says', () => {
    const ledger = new Ledger(aivillage);
    for (const { key, least, preset = 0 } of POLICY_KEYS) {
      const action = { op: 'set', key: key.replaceAll('*', 'some_name'), base: GENESIS, value: preset } as const;
      expect([key, ledger.leastType([action])]).toEqual([key, least]);
    }
  });
});

describe('a policy', () => {
  const decided = (key: string, value: PolicyValue) => new Policy(aivillage, new Map([[key, { value, version: 1 }]]));

  test('has a value for a key that its constitution does not name', () => {
    expect(Object.hasOwn(aivillage.policy, 'audit.retention_days')).toBe(false);
    expect(new Policy(aivillage).value('audit.retention_days')).toBe(365);
    expect(new Policy(aivillage).keys()).toContain('audit.retention_days');
  });

  test('goes by what was before where a decided value is of no shape that its reader knows', () => {
    const policy = decided('knowledge.retention_days', 'for ever');
    expect(policy.value('knowledge.retention_days')).toBe(30);
    expect(policy.unfit()).toEqual(['knowledge.retention_days']);
    expect(decided('knowledge.retention_days', 90).value('knowledge.retention_days')).toBe(90);
    expect(decided('nosuch.key', 5).value('nosuch.key')).toBe(5);
  });

  test('knows the keys of names that were voted in, and the constitution’s own before them', () => {
    expect(decided('agents.keys.newcomer', 'A'.repeat(43)).agentOf('newcomer')?.key).toBe('A'.repeat(43));
    expect(decided('agents.keys.sage', 'A'.repeat(43)).agentOf('sage')?.key).toBe(aivillage.agents['sage']?.key);
    expect(new Policy(aivillage).agentOf('newcomer')).toBeUndefined();
  });
});

test('what is said to be read is named where it is read, and what nothing reads is said to be so', () => {
  const lists = ['policy-keys.ts', 'aivillage-preset.ts', 'aivillage-tools.ts', 'policy-rows.ts'];
  const sources = ['src', 'node'].flatMap((ring) =>
    readdirSync(join(ROOT, ring), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !lists.some((list) => file.endsWith(list)))
      .map((file) => readFileSync(join(ROOT, ring, file), 'utf8')),
  );
  expect(sources.length).toBeGreaterThan(300);
  const isNamed = (key: string) => sources.some((text) => text.includes(key.split('*')[0] ?? key));
  const unread = POLICY_KEYS.filter(({ reader, key }) => reader !== null && !isNamed(key));
  expect(unread.map(({ key }) => key)).toEqual([]);
  const nobodys = POLICY_KEYS.filter(({ reader }) => reader === null);
  expect(nobodys.map(({ key }) => key)).toEqual(['notify.resolutions.*', 'knowledge.retention_days', 'custom.*']);
});

test('the operator’s page has every key, what holds without a decision, and the least type of change', () => {
  const page = readFileSync(join(ROOT, 'node', 'README.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z_.*]+)` \| .+ \| (?:`(.+)`|–) \| (minor|major|critical) \|$/gm)];
  const told = rows.map(([, key, preset, least]) => `${key} ${preset} ${least}_change`);
  const known = POLICY_KEYS.map(({ key, preset, least }) => `${key} ${JSON.stringify(preset)} ${least}`);
  expect(told.toSorted()).toEqual(known.toSorted());
});
