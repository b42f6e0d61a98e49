import { describe, expect, test } from 'vitest';
import { objectToPolicyValue, type PolicyValue } from '../../../src/constitution/index.ts';

describe('a policy key', () => {
  test.each([
    ['knowledge.retention_days', [1, 90, 36_500], [0, -1, 36_501, '90', null, true]],
    ['rates.mesh_ping.per_minute', [1, 1_000], [0, '5', null, [1]]],
    ['permissions.tools.mesh_ping.level', ['READ_ONLY', 'EMERGENCY'], ['KING', '', 1, null]],
    ['permissions.tools.mesh_ping.approval', ['minor_change', null], ['emergency_action', 'x', 1]],
    ['permissions.tools.mesh_ping.audit', [true, false], ['true', 1, null]],
    ['permissions.tools.mesh_ping.only_agents', [['king'], null, []], ['king', [1]]],
    ['agents.levels.sage', ['OPERATOR'], ['ROOT', null]],
    ['nodes.evicted', [[], ['12D3KooWx']], ['12D3KooWx', [1], null]],
    ['tokens.revoked', [[], ['a'.repeat(64)]], [['abc'], 'a', null]],
    ['emergency.blocked', [[], ['*'], ['memory']], ['*', [1], true]],
    [
      'fog.vote_above',
      [{ cpu_cores: 4, memory_gb: 8 }],
      [{ cpu_cores: 4 }, { cpu_cores: 4, memory_gb: 8, x: 1 }, 4, null],
    ],
    ['display.village_name', ['Hamlet'], ['', 'x'.repeat(65), 5]],
    ['twin.anything_else', [1, 'x', null, { a: [1] }], []],
  ] as [string, PolicyValue[], PolicyValue[]][])(
    '%s takes what its reader understands, and nothing else',
    (key, good, bad) => {
      expect(good.filter((value) => objectToPolicyValue(key, value) !== undefined)).toEqual([]);
      expect(bad.filter((value) => objectToPolicyValue(key, value) === undefined)).toEqual([]);
    },
  );
});
