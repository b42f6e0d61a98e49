import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, matches, type Permission, type Principal } from '../../../src/permissions/index.ts';

const gardener: Principal = {
  agentId: 'gardener',
  role: 'Upkeep',
  level: 'OPERATOR',
  permissions: undefined,
  tokenId: '',
  issuedAtMs: 0,
  expiresAtMs: 1,
  homeNode: 'here',
};
const needs = (level: Permission['level'], more: Partial<Permission> = {}): Permission => ({
  level,
  auditRequired: true,
  ...more,
});

describe('a call', () => {
  test('of a tool that is not listed is denied', () => {
    expect(decide({ ...gardener, level: 'EMERGENCY' }, 'x', undefined)).toEqual({
      kind: 'deny',
      because: 'not-listed',
      tool: 'x',
    });
  });

  test('at or above the level is allowed, with the permission to honour', () => {
    const permission = needs('OPERATOR');
    expect(decide(gardener, 'x', permission)).toEqual({ kind: 'allow', permission });
    expect(decide(gardener, 'x', needs('READ_ONLY')).kind).toBe('allow');
  });

  test('below the level is denied, and told which', () => {
    expect(decide(gardener, 'x', needs('COORDINATOR'))).toEqual({
      kind: 'deny',
      because: 'level',
      needed: 'COORDINATOR',
      held: 'OPERATOR',
    });
  });

  test('of another agent’s tool is denied, whatever the level', () => {
    const tool = needs('OPERATOR', { onlyAgents: ['king'] });
    expect(decide({ ...gardener, level: 'EMERGENCY' }, 'x', tool)).toEqual({
      kind: 'deny',
      because: 'exclusive',
      agents: ['king'],
    });
    expect(decide({ ...gardener, agentId: 'king@Q3xK9a2Z' }, 'x', tool).kind).toBe('deny');
    expect(decide({ ...gardener, agentId: 'king' }, 'x', tool).kind).toBe('allow');
  });

  test('of one’s own exclusive tool still needs the level', () => {
    expect(decide({ ...gardener, agentId: 'king' }, 'x', needs('EMERGENCY', { onlyAgents: ['king'] }))).toMatchObject({
      because: 'level',
    });
  });

  test('outside the token’s patterns is denied', () => {
    const narrowed = { ...gardener, permissions: ['hyperrag_*', 'mesh_ping'] };
    expect(decide(narrowed, 'hyperrag_query', needs('OPERATOR')).kind).toBe('allow');
    expect(decide(narrowed, 'network_status', needs('OPERATOR'))).toEqual({
      kind: 'deny',
      because: 'narrowed',
      tool: 'network_status',
    });
    expect(decide({ ...gardener, permissions: [] }, 'x', needs('READ_ONLY')).kind).toBe('deny');
  });

  test('is not lifted by patterns', () => {
    expect(decide({ ...gardener, permissions: ['*'] }, 'x', needs('EMERGENCY')).kind).toBe('deny');
  });
});

describe('a pattern', () => {
  test.each([
    ['*', 'anything', true],
    ['*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['abc', 'ab', false],
    ['a*', 'abc', true],
    ['a*', 'ba', false],
    ['*c', 'abc', true],
    ['*c', 'cb', false],
    ['a*c', 'ac', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*b*', 'abc', true],
    ['**', 'x', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['ab*bc', 'abc', false],
  ])('%j on %j: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  test('says what a regular expression says', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, letters, (stars, name) => {
        expect(matches(stars, name)).toBe(new RegExp(`^${stars.replaceAll('*', '.*')}$`).test(name));
      }),
      { numRuns: 2000 },
    );
  });
});
