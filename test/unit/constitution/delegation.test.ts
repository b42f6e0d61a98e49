import { describe, expect, test } from 'vitest';
import { checkDelegation, type Membership, Policy, verifyMembership } from '../../../src/constitution/index.ts';
import { sortedJson } from '../../support/keypair.ts';
import {
  constitution,
  founder,
  gardener,
  genesis,
  type Host,
  hostA,
  hostB,
  link,
  NOW_MS,
  NOW_S,
  sage,
  suffix,
  villageId,
} from '../../support/small-village.ts';

const TOKEN = 'ab'.repeat(32);
const me = founder.node.peerId;

function member(host: Host, may = { host: true, invite: false, issue: 'OPERATOR' }): Membership {
  const context = { constitution, villageId, policy: genesis, nowMs: NOW_MS, nodeId: host.node.peerId };
  const verdict = verifyMembership([link(founder, host, { may })], context);
  if (verdict.kind === 'refused') throw new Error(verdict.because);
  return verdict.membership;
}

/** What hostA says of its own agent, with anything in it changed. */
const statement = (changes: object = {}) => ({
  village: villageId,
  agent: `local@${suffix(hostA)}`,
  role: 'Agent of this node',
  level: 'OPERATOR',
  token: TOKEN,
  token_iat: NOW_S - 100,
  from: hostA.node.peerId,
  to: me,
  iat: NOW_S,
  exp: NOW_S + 60,
  ...changes,
});
const delegation = (changes: object = {}, host = hostA) =>
  host.issuer.jws('village-delegation+jws', statement(changes));
const grant = (changes: object = {}, agent = sage) =>
  agent.jws('village-grant+jws', {
    village: villageId,
    agent: 'sage',
    node: hostA.node.peerId,
    token: TOKEN,
    iat: NOW_S - 200,
    exp: NOW_S + 1000,
    ...changes,
  });
const asSage = (given: string | undefined, changes: object = {}) =>
  delegation({ agent: 'sage', role: 'x', level: 'GOVERNANCE', grant: given, ...changes });

const check = (jws: string, changes: object = {}) =>
  checkDelegation(jws, {
    constitution,
    villageId,
    policy: genesis,
    peer: member(hostA),
    selfNodeId: me,
    nowMs: NOW_MS,
    isRevoked: () => false,
    ...changes,
  });
const because = (jws: string, changes: object = {}) => {
  const verdict = check(jws, changes);
  return verdict.kind === 'refused' ? verdict.because : verdict.kind;
};
const levelOf = (jws: string, changes: object = {}) => {
  const verdict = check(jws, changes);
  return verdict.kind === 'refused' ? verdict.because : verdict.principal.level;
};

describe('a delegation of a node’s own agent', () => {
  test('is accepted from that node', () => {
    expect(check(delegation({ permissions: ['look*'] }))).toEqual({
      kind: 'accepted',
      expiresAtMs: NOW_MS + 60_000,
      principal: {
        agentId: `local@${suffix(hostA)}`,
        role: 'Agent of this node',
        level: 'OPERATOR',
        permissions: ['look*'],
        tokenId: TOKEN,
        issuedAtMs: NOW_MS - 100_000,
        expiresAtMs: NOW_MS + 60_000,
        homeNode: hostA.node.peerId,
      },
    });
  });

  test('is refused for another node’s agent', () => {
    expect(because(delegation({ agent: `local@${suffix(hostB)}` }))).toBe('other-nodes-agent');
    expect(because(delegation({ agent: `sage@${suffix(founder)}` }))).toBe('other-nodes-agent');
  });

  test('is refused when another peer shows it, or to another node', () => {
    expect(because(delegation(), { peer: member(hostB) })).toBe('bad-signature');
    expect(because(delegation({ from: hostA.node.peerId }, hostB), { peer: member(hostB) })).toBe('other-peer');
    expect(because(delegation({ to: hostB.node.peerId }))).toBe('other-target');
    expect(because(delegation(), { selfNodeId: hostB.node.peerId })).toBe('other-target');
  });

  test('is refused in another village', () => {
    expect(because(delegation({ village: '0'.repeat(64) }))).toBe('foreign-village');
  });

  test('signed by the PeerId key instead of the issuer’s is refused', () => {
    expect(because(hostA.node.jws('village-delegation+jws', statement()))).toBe('bad-signature');
  });

  test('never lifts a level above the credential’s cap', () => {
    expect(levelOf(delegation({ level: 'EMERGENCY' }))).toBe('OPERATOR');
    expect(
      levelOf(delegation({ level: 'EMERGENCY' }), {
        peer: member(hostA, { host: true, invite: true, issue: 'READ_ONLY' }),
      }),
    ).toBe('READ_ONLY');
    expect(levelOf(delegation({ level: 'READ_ONLY' }))).toBe('READ_ONLY');
  });

  test('is lowered, and not lifted, by policy', () => {
    const key = `agents.levels.local@${suffix(hostA)}`;
    expect(levelOf(delegation(), { policy: genesis.withDecision(key, 'READ_ONLY') })).toBe('READ_ONLY');
    expect(levelOf(delegation({ level: 'EMERGENCY' }), { policy: genesis.withDecision(key, 'EMERGENCY') })).toBe(
      'OPERATOR',
    );
  });

  test('lasts at most 60 s and ends at its very second', () => {
    expect(because(delegation({ exp: NOW_S + 61 }))).toBe('too-long');
    expect(because(delegation(), { nowMs: NOW_MS + 59_999 })).toBe('accepted');
    expect(because(delegation(), { nowMs: NOW_MS + 60_000 })).toBe('expired');
  });

  test('from a clock that is ahead is accepted up to 30 s', () => {
    expect(because(delegation({ iat: NOW_S + 30, exp: NOW_S + 90 }))).toBe('accepted');
    expect(because(delegation({ iat: NOW_S + 31, exp: NOW_S + 91 }))).toBe('not-yet-valid');
    expect(because(delegation({ token_iat: NOW_S + 31 }))).toBe('not-yet-valid');
  });

  test('dies with its node', () => {
    expect(because(delegation(), { policy: genesis.withDecision('nodes.evicted', [hostA.node.peerId]) })).toBe(
      'evicted',
    );
    expect(because(delegation(), { peer: { ...member(hostA), expiresAtMs: NOW_MS } })).toBe('not-a-member');
  });

  test('is held back with its agent, its token or its node', () => {
    const none = { node: new Set<string>(), token: new Set<string>(), agent: new Set<string>() };
    const policyOf = (held: object) => ({
      policy: new Policy(constitution, new Map(), { held: { ...none, ...held } }),
    });
    expect(because(delegation(), policyOf({ token: new Set([TOKEN]) }))).toBe('held');
    expect(because(delegation(), policyOf({ agent: new Set([`local@${suffix(hostA)}`]) }))).toBe('held');
    expect(because(delegation(), policyOf({ agent: new Set(['local']) }))).toBe('accepted');
    expect(because(delegation(), policyOf({ node: new Set([hostA.node.peerId]) }))).toBe('held');
  });

  test('dies with its token', () => {
    expect(because(delegation(), { policy: genesis.withDecision('tokens.revoked', [TOKEN]) })).toBe('revoked');
    const seen: unknown[] = [];
    const isRevoked = (subject: unknown) => {
      seen.push(subject);
      return true;
    };
    expect(because(delegation(), { isRevoked })).toBe('revoked');
    expect(seen).toEqual([
      { tokenId: TOKEN, agentId: `local@${suffix(hostA)}`, homeNode: hostA.node.peerId, issuedAtMs: NOW_MS - 100_000 },
    ]);
  });
});

describe('a delegation of a bare name', () => {
  test('is accepted with the agent’s own word, at the constitution’s level and role', () => {
    expect(check(asSage(grant()))).toMatchObject({
      kind: 'accepted',
      principal: { agentId: 'sage', level: 'GOVERNANCE', role: 'Research lead' },
    });
  });

  test('is refused without it', () => {
    expect(because(asSage(undefined))).toBe('no-grant');
  });

  test.each([
    ['of another agent', () => grant({}, gardener)],
    ['of the node itself', () => hostA.node.jws('village-grant+jws', { village: villageId })],
    ['for another node', () => grant({ node: hostB.node.peerId })],
    ['for another agent', () => grant({ agent: 'gardener' })],
    ['for another token', () => grant({ token: 'cd'.repeat(32) })],
    ['of another village', () => grant({ village: '0'.repeat(64) })],
    ['of more than a day', () => grant({ exp: NOW_S + 86_400 })],
    ['from tomorrow', () => grant({ iat: NOW_S + 31 })],
    ['with an unknown member', () => grant({ admin: true })],
    ['that is no JWS', () => 'x'],
  ])('is refused with a word %s', (_what, word) => {
    expect(because(asSage(word()))).toBe('bad-grant');
  });

  test('ends with the agent’s word', () => {
    expect(check(asSage(grant({ exp: NOW_S + 10 })))).toMatchObject({
      kind: 'accepted',
      expiresAtMs: NOW_MS + 10_000,
      principal: { expiresAtMs: NOW_MS + 10_000 },
    });
    expect(because(asSage(grant({ exp: NOW_S })))).toBe('grant-expired');
  });

  test('that nobody in the village has is refused', () => {
    expect(because(delegation({ agent: 'stranger', grant: grant() }))).toBe('unknown-agent');
    expect(because(delegation({ agent: 'constructor', grant: grant() }))).toBe('unknown-agent');
    expect(because(delegation({ agent: '../sage', grant: grant() }))).toBe('unknown-agent');
  });

  test('is not held to the node’s cap, nor lifted above the table', () => {
    expect(levelOf(asSage(grant(), { level: 'EMERGENCY' }))).toBe('GOVERNANCE');
    expect(levelOf(asSage(grant(), { level: 'READ_ONLY' }))).toBe('READ_ONLY');
    expect(levelOf(asSage(grant()), { policy: genesis.withDecision('agents.levels.sage', 'OPERATOR') })).toBe(
      'OPERATOR',
    );
  });

  test('is as old as the agent’s word, whatever the node says', () => {
    expect(check(asSage(grant(), { token_iat: NOW_S }))).toMatchObject({ principal: { issuedAtMs: NOW_MS - 200_000 } });
  });
});

describe('a client assertion that names the node', () => {
  const assertion = (changes: object = {}, header = '{"alg":"EdDSA","typ":"JWT","kid":"1"}', agent = sage) =>
    agent.jwsOf(
      header,
      JSON.stringify({
        iss: 'sage',
        sub: 'sage',
        aud: 'http://127.0.0.1:7117/oauth/token',
        jti: 'x',
        iat: NOW_S,
        exp: NOW_S + 300,
        village_node: hostA.node.peerId,
        ...changes,
      }),
    );

  test('is the agent’s word, for any token of that node', () => {
    expect(because(asSage(assertion()))).toBe('accepted');
    expect(because(asSage(assertion({ village: villageId, azp: 'other claims' }, '{"alg":"Ed25519"}')))).toBe(
      'accepted',
    );
  });

  test.each([
    ['names no node', assertion({ village_node: undefined })],
    ['names another node', assertion({ village_node: hostB.node.peerId })],
    ['names another village', assertion({ village: '0'.repeat(64) })],
    ['is another agent’s', assertion({}, undefined, gardener)],
    ['speaks for two', assertion({ iss: 'gardener' })],
    ['lasts more than a day', assertion({ exp: NOW_S + 86_401 })],
    ['is not signed by anybody', assertion({}, '{"alg":"none"}')],
    ['has a shared secret’s algorithm', assertion({}, '{"alg":"HS256"}')],
    ['is an access token', assertion({}, '{"alg":"EdDSA","typ":"at+jwt"}')],
    ['is another statement', assertion({}, '{"alg":"EdDSA","typ":"village-revocation+jws"}')],
    ['has critical extensions', assertion({}, '{"alg":"EdDSA","crit":["x"],"x":1}')],
    [
      'says a thing twice',
      sage.jwsOf(
        '{"alg":"EdDSA"}',
        sortedJson(JSON.parse(Buffer.from(assertion().split('.')[1] ?? '', 'base64url').toString())).replace(
          '{',
          `{"village_node":"${hostB.node.peerId}",`,
        ),
      ),
    ],
  ])('is refused when it %s', (_what, word) => {
    expect(because(asSage(word))).toBe('bad-grant');
  });

  test('ends like every word', () => {
    expect(because(asSage(assertion({ exp: NOW_S })))).toBe('grant-expired');
  });
});

test.each([
  ['an unknown member', { admin: true }],
  ['an unknown level', { level: 'ROOT' }],
  ['a raw token id', { token: 'jti-1' }],
  ['permissions that are no list', { permissions: '*' }],
  ['too many permissions', { permissions: Array.from({ length: 65 }, () => 'x') }],
  ['no expiry', { exp: undefined }],
  ['a time as text', { exp: String(NOW_S + 60) }],
])('a delegation with %s is malformed', (_what, changes) => {
  expect(because(delegation(changes))).toBe('malformed');
});

test('a delegation that is too large, or of another type, is malformed', () => {
  expect(because(delegation({ grant: 'x'.repeat(9000) }))).toBe('malformed');
  expect(because(hostA.issuer.jws('at+jwt', statement()))).toBe('malformed');
});
