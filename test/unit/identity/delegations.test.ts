import { describe, expect, test } from 'vitest';
import { checkDelegation, type DelegationVerdict, verifyMembership } from '../../../src/constitution/index.ts';
import type { Principal } from '../../../src/permissions/index.ts';
import { identityDesk } from '../../support/identity-desk.ts';
import {
  constitution,
  founder,
  genesis,
  hostA,
  hostB,
  link,
  NOW_MS,
  NOW_S,
  sage,
  suffix,
  villageId,
} from '../../support/small-village.ts';

const target = hostB.node.peerId;
const at = { nowMs: NOW_MS };
const local: Principal = {
  agentId: `local@${suffix(hostA)}`,
  role: 'Agent of this node',
  level: 'OPERATOR',
  permissions: undefined,
  tokenId: 'ab'.repeat(32),
  issuedAtMs: NOW_MS - 5000,
  expiresAtMs: NOW_MS + 3600_000,
  homeNode: hostA.node.peerId,
};
const sages: Principal = { ...local, agentId: 'sage', level: 'GOVERNANCE' };

/** What the target makes of it. */
function seenBy(jws: string, changes: object = {}): DelegationVerdict {
  const context = { constitution, villageId, policy: genesis, nowMs: NOW_MS };
  const peer = verifyMembership([link(founder, hostA)], { ...context, nodeId: hostA.node.peerId });
  if (peer.kind === 'refused') throw new Error(peer.because);
  return checkDelegation(jws, {
    ...context,
    peer: peer.membership,
    selfNodeId: target,
    isRevoked: () => false,
    ...changes,
  });
}
const payloadOf = (jws: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());

async function delegated(principal: Principal, options: Parameters<typeof identityDesk>[0] = {}) {
  const all = await identityDesk(options);
  const made = all.delegations.delegationFor(principal, target, at);
  if (made.kind === 'refused') throw new Error(made.because);
  return { ...all, made };
}

describe('a delegation for another node', () => {
  test('says who calls and nothing of the token but its hash', async () => {
    const { made } = await delegated({ ...local, permissions: ['mesh_*'] });
    expect(payloadOf(made.jws)).toEqual({
      village: villageId,
      agent: local.agentId,
      role: local.role,
      level: 'OPERATOR',
      permissions: ['mesh_*'],
      token: local.tokenId,
      token_iat: NOW_S - 5,
      from: hostA.node.peerId,
      to: target,
      iat: NOW_S,
      exp: NOW_S + 60,
    });
  });

  test('is accepted there as the same agent', async () => {
    const { made } = await delegated(local);
    expect(seenBy(made.jws)).toEqual({
      kind: 'accepted',
      expiresAtMs: NOW_MS + 60_000,
      principal: { ...local, expiresAtMs: NOW_MS + 60_000 },
    });
  });

  test('of a bare name carries the agent’s word for this token', async () => {
    const { made } = await delegated(sages, { agents: { sage } });
    expect(seenBy(made.jws)).toMatchObject({
      kind: 'accepted',
      principal: { agentId: 'sage', level: 'GOVERNANCE', issuedAtMs: NOW_MS - 5000 },
    });
    const grant = payloadOf(String(payloadOf(made.jws)['grant']));
    expect(grant).toEqual({
      village: villageId,
      agent: 'sage',
      node: hostA.node.peerId,
      token: sages.tokenId,
      iat: NOW_S - 5,
      exp: NOW_S + 3600,
    });
  });

  test('of a bare name cannot be made without its key', async () => {
    const { delegations } = await identityDesk();
    expect(delegations.delegationFor(sages, target, at)).toEqual({ kind: 'refused', because: 'no-grant' });
  });

  test('of a bare name carries the word it handed in', async () => {
    const all = await identityDesk();
    await all.grants.keep(sages.tokenId, 'the.handed.in', { endsAtMs: NOW_MS + 1000, nowMs: NOW_MS });
    const made = all.delegations.delegationFor(sages, target, at);
    expect(made.kind === 'delegated' && payloadOf(made.jws)['grant']).toBe('the.handed.in');
    all.delegations.forget();
    expect(all.delegations.delegationFor(sages, target, { nowMs: NOW_MS + 1000 })).toEqual({
      kind: 'refused',
      because: 'no-grant',
    });
  });

  test('never outlives the token', async () => {
    const { delegations } = await identityDesk();
    const made = delegations.delegationFor({ ...local, expiresAtMs: NOW_MS + 7_900 }, target, at);
    expect(made).toMatchObject({ expiresAtMs: NOW_MS + 7_000 });
    expect(delegations.delegationFor({ ...local, expiresAtMs: NOW_MS }, target, at)).toEqual({
      kind: 'refused',
      because: 'token-expired',
    });
  });

  test('is the same until it is nearly over', async () => {
    const { delegations, made } = await delegated(local);
    const later = (seconds: number) => delegations.delegationFor(local, target, { nowMs: NOW_MS + seconds * 1000 });
    expect(later(39)).toBe(made);
    const renewed = later(40);
    expect(renewed).toMatchObject({ kind: 'delegated', expiresAtMs: NOW_MS + 100_000 });
    expect(later(41)).toBe(renewed);
  });

  test('is not made again and again at the end of a token', async () => {
    const ending = { ...local, expiresAtMs: NOW_MS + 10_000 };
    const { delegations, made } = await delegated(ending);
    expect(delegations.delegationFor(ending, target, { nowMs: NOW_MS + 9_000 })).toBe(made);
  });

  test('is another one for another node, token or level', async () => {
    const { delegations, made } = await delegated(local);
    expect(delegations.delegationFor(local, founder.node.peerId, at)).not.toBe(made);
    expect(delegations.delegationFor({ ...local, tokenId: 'cd'.repeat(32) }, target, at)).not.toBe(made);
    expect(delegations.delegationFor({ ...local, level: 'READ_ONLY' }, target, at)).toMatchObject({
      jws: expect.not.stringMatching(made.jws),
    });
  });

  test('does not pass at a third node', async () => {
    const { made } = await delegated(local);
    expect(seenBy(made.jws, { selfNodeId: founder.node.peerId })).toMatchObject({ because: 'other-target' });
  });
});
