import { describe, expect, test } from 'vitest';
import { checkRevocation, revokes } from '../../../src/constitution/index.ts';
import type { Keypair } from '../../support/keypair.ts';
import {
  gardener,
  genesis,
  hostA,
  hostB,
  NOW_MS,
  NOW_S,
  sage,
  suffix,
  villageId,
} from '../../support/small-village.ts';

const TOKEN = 'ab'.repeat(32);
const own = `local@${suffix(hostA)}`;
const terms = (changes: object = {}) => ({
  village: villageId,
  kind: 'token',
  id: TOKEN,
  by: hostA.node.peerId,
  iat: NOW_S,
  exp: NOW_S + 3600,
  ...changes,
});
const sign = (changes: object = {}, signer: Keypair = hostA.issuer) =>
  signer.jws('village-revocation+jws', terms(changes));
const check = (jws: string) =>
  checkRevocation(jws, {
    policy: genesis,
    villageId,
    nowMs: NOW_MS,
    issuerKeyOf: (nodeId) => (nodeId === hostA.node.peerId ? hostA.issuer.raw : undefined),
  });
const because = (jws: string) => {
  const verdict = check(jws);
  return verdict.kind === 'refused' ? verdict.because : verdict.kind;
};

describe('a revocation', () => {
  test('of a token is signed by the node that issued it', () => {
    expect(check(sign())).toEqual({ kind: 'valid', revocation: terms() });
  });

  test('of a node’s own agent is signed by that node', () => {
    expect(because(sign({ kind: 'agent', id: own }))).toBe('valid');
    expect(because(sign({ kind: 'agent', id: `local@${suffix(hostB)}` }))).toBe('not-its-own');
  });

  test('of a bare name is signed by the agent', () => {
    expect(because(sign({ kind: 'agent', id: 'sage', by: 'sage' }, sage))).toBe('valid');
    expect(because(sign({ kind: 'agent', id: 'sage', by: 'sage' }, gardener))).toBe('bad-signature');
    expect(because(sign({ kind: 'agent', id: 'sage', by: 'gardener' }, gardener))).toBe('not-its-own');
    expect(because(sign({ kind: 'agent', id: 'sage' }))).toBe('not-its-own');
  });

  test('by a node that is not known yet may become valid', () => {
    expect(because(sign({ by: hostB.node.peerId }, hostB.issuer))).toBe('unknown-issuer');
    expect(because(sign({ by: 'stranger' }))).toBe('unknown-agent');
  });

  test.each([
    ['foreign-village', { village: '0'.repeat(64) }],
    ['expired', { exp: NOW_S }],
    ['not-yet-valid', { iat: NOW_S + 31, exp: NOW_S + 40 }],
    ['too-long', { exp: NOW_S + 90_001 }],
    ['not-its-own', { id: 'jti-1' }],
    ['malformed', { kind: 'node' }],
    ['malformed', { by: 7 }],
    ['malformed', { by: 'No PeerId' }],
    ['malformed', { admin: true }],
  ])('is refused as %s: %o', (reason, changes) => {
    expect(because(sign(changes))).toBe(reason);
  });

  test('signed by the PeerId key is refused', () => {
    expect(because(sign({}, hostA.node))).toBe('bad-signature');
  });
});

describe('what a revocation takes back', () => {
  const subject = { tokenId: TOKEN, agentId: own, homeNode: hostA.node.peerId, issuedAtMs: NOW_MS };
  const sages = { tokenId: TOKEN, agentId: 'sage', homeNode: hostA.node.peerId, issuedAtMs: NOW_MS };
  const revocation = (changes: object = {}) => terms(changes) as Parameters<typeof revokes>[0];

  test('is the token it names, of the node that says so', () => {
    expect(revokes(revocation(), subject)).toBe(true);
    expect(revokes(revocation({ id: 'cd'.repeat(32) }), subject)).toBe(false);
  });

  test('is never another node’s token, though its id is known there', () => {
    expect(revokes(revocation({ by: hostB.node.peerId }), subject)).toBe(false);
    expect(revokes(revocation({ by: 'gardener' }), sages)).toBe(false);
  });

  test('is what the agent was given until then, and nothing after', () => {
    const all = revocation({ kind: 'agent', id: 'sage', by: 'sage' });
    expect(revokes(all, sages)).toBe(true);
    expect(revokes(all, { ...sages, homeNode: hostB.node.peerId })).toBe(true);
    expect(revokes(all, { ...sages, issuedAtMs: NOW_MS + 1000 })).toBe(false);
    expect(revokes(all, subject)).toBe(false);
  });
});
