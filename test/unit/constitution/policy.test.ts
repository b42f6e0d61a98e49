import { describe, expect, test } from 'vitest';
import { Policy } from '../../../src/constitution/index.ts';
import { constitution, genesis, hostA } from '../../support/small-village.ts';

describe('policy', () => {
  test('at genesis is the constitution', () => {
    expect(genesis.version).toBe(0);
    expect(genesis.value('knowledge.retention_days')).toBe(30);
    expect(genesis.value('agents.levels.sage')).toBe('GOVERNANCE');
    expect(genesis.versionOf('knowledge.retention_days')).toBe(0);
  });

  test('knows no other key', () => {
    for (const key of ['nothing.here', 'agents.levels.nobody', 'agents.levels.constructor', '__proto__', 'toString']) {
      expect(genesis.value(key)).toBeUndefined();
    }
  });

  test('reads the matrix from its keys', () => {
    expect(genesis.permissionFor('look')).toEqual({ level: 'READ_ONLY', auditRequired: false });
    expect(genesis.permissionFor('work')).toEqual({ level: 'OPERATOR', auditRequired: true, ratePerMinute: 20 });
    expect(genesis.permissionFor('spend')).toEqual({
      level: 'COORDINATOR',
      auditRequired: true,
      requiresApproval: 'major_change',
    });
    expect(genesis.permissionFor('crown')).toEqual({
      level: 'EMERGENCY',
      auditRequired: true,
      requiresJustification: true,
      onlyAgents: ['king'],
    });
    expect(genesis.permissionFor('unlisted')).toBeUndefined();
  });

  test('reads a permission once', () => {
    expect(genesis.permissionFor('work')).toBe(genesis.permissionFor('work'));
  });

  test('changes by decision, and leaves what was before as it was', () => {
    const decided = genesis
      .withDecision('permissions.tools.work.level', 'COORDINATOR')
      .withDecision('agents.levels.sage', 'READ_ONLY')
      .withDecision('permissions.tools.work.level', 'GOVERNANCE');
    expect(decided.permissionFor('work')?.level).toBe('GOVERNANCE');
    expect(decided.levelOf('sage')).toBe('READ_ONLY');
    expect([decided.version, decided.versionOf('permissions.tools.work.level')]).toEqual([3, 2]);
    expect(genesis.permissionFor('work')?.level).toBe('OPERATOR');
    expect(genesis.levelOf('sage')).toBe('GOVERNANCE');
  });

  test('gives a level to a node’s own agent only where a decision does', () => {
    const agent = 'local@Q3xK9a2Z';
    expect(genesis.levelOf(agent)).toBeUndefined();
    expect(genesis.withDecision(`agents.levels.${agent}`, 'READ_ONLY').levelOf(agent)).toBe('READ_ONLY');
  });

  test('leaves what was before where no level was decided', () => {
    expect(genesis.withDecision('agents.levels.sage', 'ROOT').levelOf('sage')).toBe('GOVERNANCE');
    expect(genesis.withDecision('agents.levels.nobody', 'ROOT').levelOf('nobody')).toBeUndefined();
    expect(genesis.withDecision('permissions.tools.work.level', 7).permissionFor('work')?.level).toBe('OPERATOR');
    expect(genesis.withDecision('permissions.tools.new.level', 7).permissionFor('new')).toBeUndefined();
  });

  test('knows who is evicted and what is revoked', () => {
    const { peerId } = hostA.node;
    const token = 'ab'.repeat(32);
    expect([genesis.isEvicted(peerId), genesis.isRevoked(token)]).toEqual([false, false]);
    const decided = genesis.withDecision('nodes.evicted', [peerId]).withDecision('tokens.revoked', [token]);
    expect([decided.isEvicted(peerId), decided.isRevoked(token)]).toEqual([true, true]);
  });

  test('knows who is held back, and that no hold reaches a voter’s agent', () => {
    const held = { node: new Set(['n']), token: new Set(['t']), agent: new Set(['gardener', 'sage']) };
    const policy = new Policy(constitution, new Map(), { held, root: 'r', voters: new Map([['sage', 'k']]) });
    expect([policy.isNodeHeld('n'), genesis.isNodeHeld('n')]).toEqual([true, false]);
    expect([policy.isAgentHeld('gardener'), policy.isAgentHeld('local', 't')]).toEqual([true, true]);
    expect([policy.isAgentHeld('local', 'u'), policy.isAgentHeld('sage', 't')]).toEqual([false, false]);
    expect([policy.root, genesis.root]).not.toContain(undefined);
    expect(policy.withDecision('new.key', 1).isNodeHeld('n')).toBe(true);
  });

  test('lists every key it has', () => {
    expect(genesis.withDecision('new.key', 1).keys()).toEqual(
      expect.arrayContaining(['agents.levels.gardener', 'agents.levels.sage', 'knowledge.retention_days', 'new.key']),
    );
  });
});
