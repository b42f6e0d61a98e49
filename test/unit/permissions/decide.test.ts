import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, includes, matches, type Permission, type Principal, reaches } from '../../../src/permissions/index.ts';

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

const own = (name: string) => ({ server: undefined, name });
const of = (server: string, name: string) => ({ server, name });

describe('a call', () => {
  test('of a tool that is not listed is denied', () => {
    expect(decide({ ...gardener, level: 'EMERGENCY' }, own('x'), undefined)).toEqual({
      kind: 'deny',
      because: 'not-listed',
      tool: 'x',
    });
  });

  test('at or above the level is allowed, with the permission to honour', () => {
    const permission = needs('OPERATOR');
    expect(decide(gardener, own('x'), permission)).toEqual({ kind: 'allow', permission });
    expect(decide(gardener, own('x'), needs('READ_ONLY')).kind).toBe('allow');
  });

  test('below the level is denied, and told which', () => {
    expect(decide(gardener, own('x'), needs('COORDINATOR'))).toEqual({
      kind: 'deny',
      because: 'level',
      needed: 'COORDINATOR',
      held: 'OPERATOR',
    });
  });

  test('of another agent’s tool is denied, whatever the level', () => {
    const tool = needs('OPERATOR', { onlyAgents: ['king'] });
    expect(decide({ ...gardener, level: 'EMERGENCY' }, own('x'), tool)).toEqual({
      kind: 'deny',
      because: 'exclusive',
      agents: ['king'],
    });
    expect(decide({ ...gardener, agentId: 'king@Q3xK9a2Z' }, own('x'), tool).kind).toBe('deny');
    expect(decide({ ...gardener, agentId: 'king' }, own('x'), tool).kind).toBe('allow');
  });

  test('of one’s own exclusive tool still needs the level', () => {
    expect(
      decide({ ...gardener, agentId: 'king' }, own('x'), needs('EMERGENCY', { onlyAgents: ['king'] })),
    ).toMatchObject({
      because: 'level',
    });
  });

  test('outside the token’s patterns is denied', () => {
    const narrowed = { ...gardener, permissions: ['hyperrag_*', 'mesh_ping'] };
    expect(decide(narrowed, own('hyperrag_query'), needs('OPERATOR')).kind).toBe('allow');
    expect(decide(narrowed, own('network_status'), needs('OPERATOR'))).toEqual({
      kind: 'deny',
      because: 'narrowed',
      tool: 'network_status',
    });
    expect(decide({ ...gardener, permissions: [] }, own('x'), needs('READ_ONLY')).kind).toBe('deny');
  });

  test('of a third-party server is named with the server where it is denied', () => {
    const narrowed = { ...gardener, permissions: ['mesh_ping'] };
    expect(decide(narrowed, of('everything', 'mesh_ping'), needs('OPERATOR'))).toEqual({
      kind: 'deny',
      because: 'narrowed',
      tool: 'everything__mesh_ping',
    });
  });

  test('is not lifted by patterns', () => {
    expect(decide({ ...gardener, permissions: ['*'] }, own('x'), needs('EMERGENCY')).kind).toBe('deny');
  });
});

describe('the patterns of a token', () => {
  test.each([
    ['everything__echo', of('everything', 'echo'), true],
    ['everything__*', of('everything', 'echo'), true],
    ['everything*', of('everything', 'echo'), false],
    ['**', own('mesh_ping'), true],
    ['mesh_*', own('mesh_ping'), true],
    ['every*__echo', of('everything', 'echo'), true],
    ['*__echo', of('everything', 'echo'), true],
    ['*', of('everything', 'echo'), true],
    ['everything__echo', of('everything', 'echo2'), false],
    ['everything__a__b', of('everything', 'a__b'), true],
  ])('%j includes %o as agents see it: %s', (pattern, scope, expected) => {
    expect(includes(pattern, scope)).toBe(expected);
  });

  test.each([
    ['echo', of('everything', 'echo')],
    ['mesh_*', of('mesh', 'ping')],
    ['mesh_*', of('mesh_more', 'ping')],
    ['*ping', of('mesh', 'ping')],
    ['everything__*', of('everything__more', 'echo')],
    ['everything__more__echo', of('everything__more', 'echo')],
    ['mesh__ping', own('mesh_ping')],
    ['mesh__*', own('mesh_ping')],
  ])('%j does not include %o, which only looks alike', (pattern, scope) => {
    expect(includes(pattern, scope)).toBe(false);
  });

  test.each([
    [['everything__echo'], true],
    [['mesh_ping', 'every*__x'], true],
    [['every*'], false],
    [['*'], true],
    [undefined, true],
    [[], false],
    [['everything_*', 'other__*', 'echo'], false],
  ])('%j may reach something of a server: %s', (patterns, expected) => {
    expect(reaches(patterns, 'everything')).toBe(expected);
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
