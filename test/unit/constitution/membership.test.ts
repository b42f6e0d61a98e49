import { describe, expect, test } from 'vitest';
import { grantableRights, Policy, verifyMembership } from '../../../src/constitution/index.ts';
import { keypair } from '../../support/keypair.ts';
import {
  constitution,
  founder,
  genesis,
  type Host,
  hostA,
  hostB,
  hostC,
  link,
  NOW_MS,
  NOW_S,
  villageId,
} from '../../support/small-village.ts';

const inviter = { may: { host: true, invite: true, issue: 'COORDINATOR' } };
const verify = (chain: readonly string[], host: Host, changes = {}) =>
  verifyMembership(chain, {
    constitution,
    villageId,
    policy: genesis,
    nowMs: NOW_MS,
    nodeId: host.node.peerId,
    ...changes,
  });
const because = (chain: readonly string[], host: Host, changes = {}) => {
  const verdict = verify(chain, host, changes);
  return verdict.kind === 'refused' ? verdict.because : verdict.membership.nodeId;
};

describe('a membership', () => {
  test('of the founder needs no credential', () => {
    const verdict = verify([], founder);
    expect(verdict).toMatchObject({
      kind: 'member',
      membership: { depth: 0, may: { host: true, invite: true, issue: 'EMERGENCY' }, nodeId: founder.node.peerId },
    });
    expect(verdict.kind === 'member' && Buffer.from(verdict.membership.issuerKey).equals(founder.issuer.raw)).toBe(
      true,
    );
  });

  test('by invitation says what its credential says', () => {
    const chain = [link(founder, hostA)];
    expect(verify(chain, hostA)).toMatchObject({
      kind: 'member',
      membership: {
        chain,
        depth: 1,
        expiresAtMs: (NOW_S + 3600) * 1000,
        may: { host: true, invite: false, issue: 'OPERATOR' },
      },
    });
  });

  test('reaches over inviters, and ends when the first of them ends', () => {
    const chain = [link(hostA, hostB, { exp: NOW_S + 9000 }), link(founder, hostA, inviter)];
    expect(verify(chain, hostB)).toMatchObject({ membership: { depth: 2, expiresAtMs: (NOW_S + 3600) * 1000 } });
  });

  test('of four links holds, of five does not', () => {
    const hosts = [
      founder,
      ...[20, 21, 22, 23, 24].map((seed) => ({ node: keypair(seed), issuer: keypair(seed + 100) })),
    ];
    const links = hosts.slice(1).map((host, index) => link(hosts[index] as Host, host, inviter));
    expect(because(links.slice(0, 4).toReversed(), hosts[4] as Host)).toBe(hosts[4]?.node.peerId);
    expect(because(links.toReversed(), hosts[5] as Host)).toBe('too-long');
  });

  test('is of the node that shows it alone', () => {
    expect(because([link(founder, hostA)], hostB)).toBe('other-node');
    expect(because([], hostA)).toBe('other-node');
  });

  test('signed by one who may not invite is none', () => {
    expect(because([link(hostA, hostB), link(founder, hostA)], hostB)).toBe('may-not-invite');
  });

  test.each([
    ['a higher level', { may: { host: true, invite: false, issue: 'GOVERNANCE' } }, inviter],
    [
      'hosting',
      { may: { host: true, invite: false, issue: 'OPERATOR' } },
      { may: { host: false, invite: true, issue: 'OPERATOR' } },
    ],
  ])('never grants more than its parent has: %s', (_what, child, parent) => {
    expect(because([link(hostA, hostB, child), link(founder, hostA, parent)], hostB)).toBe('widened');
  });

  test('that its holder signed for itself is none', () => {
    expect(because([link(hostA, hostA)], hostA)).toBe('bad-signature');
    expect(because([link(hostA, hostA, { by: founder.node.peerId })], hostA)).toBe('bad-signature');
  });

  test('with a link missing or out of order is none', () => {
    const [leaf, root] = [link(hostA, hostB), link(founder, hostA, inviter)];
    expect(because([leaf], hostB)).toBe('bad-signature');
    expect(because([root, leaf], hostB)).toBe('bad-signature');
    expect(because([link(founder, hostB, { by: hostC.node.peerId })], hostB)).toBe('broken-chain');
  });

  test('widened after it was signed is none', () => {
    const [header, payload = '', signature] = link(founder, hostA).split('.');
    const wide = Buffer.from(payload, 'base64url').toString().replace('"issue":"OPERATOR"', '"issue":"EMERGENCY"');
    expect(wide).toContain('EMERGENCY');
    expect(because([`${header}.${Buffer.from(wide).toString('base64url')}.${signature}`], hostA)).toBe('bad-signature');
  });

  test('of another village is none', () => {
    expect(because([link(founder, hostA, { village: 'f'.repeat(64) })], hostA)).toBe('foreign-village');
  });

  test('ends, for every link, at its very second', () => {
    const chain = [link(hostA, hostB), link(founder, hostA, { ...inviter, exp: NOW_S + 10 })];
    expect(because(chain, hostB, { nowMs: NOW_MS + 9_999 })).toBe(hostB.node.peerId);
    expect(because(chain, hostB, { nowMs: NOW_MS + 10_000 })).toBe('expired');
  });

  test('from a clock far ahead is none yet', () => {
    expect(because([link(founder, hostA, { iat: NOW_S + 299 })], hostA)).toBe(hostA.node.peerId);
    expect(because([link(founder, hostA, { iat: NOW_S + 301 })], hostA)).toBe('not-yet-valid');
  });

  test('ends with eviction, and with that of whoever signed it', () => {
    const chain = [link(hostA, hostB), link(founder, hostA, inviter)];
    const evicted = (host: Host) => ({ policy: genesis.withDecision('nodes.evicted', [host.node.peerId]) });
    expect(because(chain, hostB, evicted(hostB))).toBe('evicted');
    expect(because(chain, hostB, evicted(hostA))).toBe('evicted');
    expect(because(chain, hostB, evicted(founder))).toBe('evicted');
    expect(because(chain, hostB, evicted(hostC))).toBe(hostB.node.peerId);
  });

  test('is held back from the very node that is held, not from those it vouched for', () => {
    const chain = [link(hostA, hostB), link(founder, hostA, inviter)];
    const held = (host: Host) => {
      const node = new Set([host.node.peerId]);
      return { policy: new Policy(constitution, new Map(), { held: { node, token: new Set(), agent: new Set() } }) };
    };
    expect(because(chain, hostB, held(hostB))).toBe('held');
    expect(because(chain, hostB, held(hostA))).toBe(hostB.node.peerId);
    expect(because(chain, hostB, held(founder))).toBe(hostB.node.peerId);
  });

  test.each([
    ['an unknown member', { admin: true }],
    ['a missing member', { may: undefined }],
    ['an unknown level', { may: { host: true, invite: true, issue: 'ROOT' } }],
    ['an unknown right', { may: { host: true, invite: true, issue: 'OPERATOR', vote: true } }],
    ['a short issuer key', { issuer_key: 'AAAA' }],
    ['a time that is no integer', { exp: NOW_S + 0.5 }],
  ])('with %s is malformed', (_what, changes) => {
    expect(because([link(founder, hostA, changes)], hostA)).toBe('malformed');
  });

  test('that is a ticket, or nothing at all, is malformed', () => {
    expect(because([founder.node.jws('village-invite+jws', { village: villageId })], hostA)).toBe('malformed');
    expect(because([''], hostA)).toBe('malformed');
  });
});

test('an inviter gives at most what it has', () => {
  const verdict = verify([link(founder, hostA, inviter)], hostA);
  if (verdict.kind === 'refused') throw new Error(verdict.because);
  expect(grantableRights(verdict.membership, { host: true, invite: true, issue: 'EMERGENCY' })).toEqual({
    host: true,
    invite: true,
    issue: 'COORDINATOR',
  });
  expect(grantableRights(verdict.membership, { host: false, invite: false, issue: 'READ_ONLY' })).toEqual({
    host: false,
    invite: false,
    issue: 'READ_ONLY',
  });
});
