import { createHash, createHmac } from 'node:crypto';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import { revokeOwnAgent, revokeToken } from '../../../node/identity/index.ts';
import { identityDesk } from '../../support/identity-desk.ts';
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

const local = `local@${suffix(hostA)}`;
const KID = await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x: hostA.issuer.x });

const claims = (changes: object = {}) => ({
  agent_id: local,
  role: 'Agent of this node',
  governance_level: 'OPERATOR',
  permissions: ['*'],
  iss: hostA.node.peerId,
  aud: villageId,
  iat: NOW_S,
  nbf: NOW_S,
  exp: NOW_S + 3600,
  jti: 'jti-1',
  ...changes,
});
const header = (changes: object = {}) => JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid: KID, ...changes });
const token = (changes: object = {}, { head = header(), key = hostA.issuer }: { head?: string; key?: Keypair } = {}) =>
  key.jwsOf(head, JSON.stringify(claims(changes)));
const verdictOf = async (jwt: string, options: Parameters<typeof identityDesk>[0] = {}) => {
  const verdict = await (await identityDesk(options)).desk.verify(jwt);
  return verdict.kind === 'refused' ? [verdict.claim, verdict.message] : verdict.principal;
};

describe('minting', () => {
  test('makes a token with exactly the claims of the specification', async () => {
    const { desk } = await identityDesk();
    const answer = await desk.mint({ agent: 'local', ttlMs: 600_000 });
    expect(answer).toMatchObject({ kind: 'minted', agentId: local, expiresAtMs: NOW_MS + 600_000 });
    const jwt = answer.kind === 'minted' ? answer.token : '';
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: KID });
    expect(decodeJwt(jwt)).toEqual(claims({ exp: NOW_S + 600, jti: 'token-1' }));
  });

  test('lasts an hour unless said otherwise, and a day at most', async () => {
    const { desk } = await identityDesk();
    expect(await desk.mint({ agent: 'local' })).toMatchObject({ expiresAtMs: NOW_MS + 3600_000 });
    expect(await desk.mint({ agent: 'local', ttlMs: 24 * 3600_000 })).toMatchObject({ kind: 'minted' });
    for (const ttlMs of [24 * 3600_000 + 1, 0, -1, Number.NaN]) {
      expect(await desk.mint({ agent: 'local', ttlMs })).toMatchObject({ because: 'bad-ttl' });
    }
  });

  test('speaks for a bare name with its key alone', async () => {
    const without = await identityDesk();
    expect(await without.desk.mint({ agent: 'sage' })).toMatchObject({
      because: 'no-key',
      hint: expect.stringContaining('key import'),
    });
    expect(without.desk.canMint('sage')).toBe(false);
    const withKey = await identityDesk({ agents: { sage } });
    expect(await withKey.desk.mint({ agent: 'sage' })).toMatchObject({ kind: 'minted', agentId: 'sage' });
    expect(withKey.desk.canMint('sage')).toBe(true);
  });

  test('is not fooled by another key under the name', async () => {
    const { desk } = await identityDesk({ agents: { sage: gardener } });
    expect(await desk.mint({ agent: 'sage' })).toMatchObject({ because: 'no-key' });
  });

  test.each([
    ['other-nodes-agent', `local@${suffix(hostB)}`],
    ['unknown-agent', 'stranger'],
    ['unknown-agent', `stranger@${suffix(hostA)}`],
    ['unknown-agent', '../sage'],
    ['unknown-agent', ''],
  ])('is refused as %s: %s', async (because, agent) => {
    expect(await (await identityDesk()).desk.mint({ agent })).toMatchObject({ kind: 'refused', because });
  });

  test('never gives more than the agent has', async () => {
    const { desk } = await identityDesk();
    expect(await desk.mint({ agent: local, level: 'COORDINATOR' })).toMatchObject({ because: 'level-too-high' });
    expect(await desk.mint({ agent: local, level: 'READ_ONLY' })).toMatchObject({ kind: 'minted' });
    const capped = await identityDesk({ level: 'READ_ONLY' });
    expect(await capped.desk.mint({ agent: 'local', level: 'OPERATOR' })).toMatchObject({ because: 'level-too-high' });
  });

  test('needs a membership for a node’s own agents', async () => {
    const { desk, world } = await identityDesk();
    world.membership = undefined;
    expect(await desk.mint({ agent: 'local' })).toMatchObject({ because: 'not-a-member' });
  });

  test('takes tool patterns and nothing else as permissions', async () => {
    const { desk } = await identityDesk();
    expect(await desk.mint({ agent: 'local', permissions: ['hyperrag_*'] })).toMatchObject({ kind: 'minted' });
    expect(await desk.mint({ agent: 'local', permissions: ['a b'] })).toMatchObject({ because: 'bad-permissions' });
  });
});

describe('a token', () => {
  test('makes its agent known', async () => {
    expect(await verdictOf(token())).toEqual({
      agentId: local,
      role: 'Agent of this node',
      level: 'OPERATOR',
      permissions: undefined,
      tokenId: '5964da055ae31cf8eb7230e190a504899c6f60f07f9f1cd3cade9fbf226e8c28',
      issuedAtMs: NOW_MS,
      expiresAtMs: NOW_MS + 3600_000,
      homeNode: hostA.node.peerId,
    });
  });

  test('is accepted under the newer name of its algorithm', async () => {
    expect(await verdictOf(token({}, { head: header({ alg: 'Ed25519' }) }))).toMatchObject({ agentId: local });
  });

  test('keeps its patterns, and is not narrowed by *', async () => {
    expect(await verdictOf(token({ permissions: ['mesh_*'] }))).toMatchObject({ permissions: ['mesh_*'] });
    expect(await verdictOf(token({ permissions: [] }))).toMatchObject({ permissions: [] });
    expect(await verdictOf(token({ permissions: ['x', '*'] }))).toMatchObject({ permissions: undefined });
  });

  test('acts with the lowest of its own level, the table’s and policy’s', async () => {
    const sages = token({ agent_id: 'sage', governance_level: 'EMERGENCY' });
    expect(await verdictOf(sages)).toMatchObject({ level: 'GOVERNANCE', role: 'Research lead' });
    expect(await verdictOf(token({ governance_level: 'EMERGENCY' }))).toMatchObject({ level: 'OPERATOR' });
    expect(await verdictOf(token({ governance_level: 'READ_ONLY' }))).toMatchObject({ level: 'READ_ONLY' });
    expect(await verdictOf(token(), { level: 'READ_ONLY' })).toMatchObject({ level: 'READ_ONLY' });
  });

  test.each(['agent_id', 'role', 'governance_level', 'permissions', 'iss', 'aud', 'iat', 'nbf', 'exp', 'jti'])(
    'without %s is refused by name',
    async (claim) => {
      expect(await verdictOf(token({ [claim]: undefined }))).toEqual([claim, `missing claim: ${claim}`]);
    },
  );

  test.each([
    ['agent_id', { agent_id: 'stranger' }],
    ['agent_id', { agent_id: 'local' }],
    ['agent_id', { agent_id: `local@${suffix(hostB)}` }],
    ['agent_id', { agent_id: 7 }],
    ['governance_level', { governance_level: 'ROOT' }],
    ['governance_level', { governance_level: 5 }],
    ['permissions', { permissions: '*' }],
    ['permissions', { permissions: [1] }],
    ['permissions', { permissions: Array.from({ length: 65 }, () => '*') }],
    ['iss', { iss: hostB.node.peerId }],
    ['aud', { aud: 'f'.repeat(64) }],
    ['aud', { aud: [villageId] }],
    ['exp', { exp: NOW_S - 6 }],
    ['exp', { exp: `${NOW_S + 60}` }],
    ['nbf', { nbf: NOW_S + 6 }],
    ['iat', { iat: NOW_S + 6 }],
    ['jti', { jti: '' }],
    ['admin', { admin: true }],
    ['scope', { scope: 'x' }],
  ])('with a wrong or unknown %s is refused by name: %o', async (claim, changes) => {
    expect(await verdictOf(token(changes))).toEqual([claim, expect.stringContaining(claim)]);
  });

  test('is over when it says so: no other clock is asked, and no other node is told of it for longer', async () => {
    expect(await verdictOf(token({ exp: NOW_S }))).toEqual(['exp', expect.stringContaining('exp')]);
    expect(await verdictOf(token({ exp: NOW_S + 1 }))).toMatchObject({ agentId: local });
  });

  test('is accepted though the clock was set back by up to five seconds', async () => {
    expect(await verdictOf(token({ nbf: NOW_S + 5, iat: NOW_S + 5 }))).toMatchObject({ agentId: local });
  });

  test.each([
    ['alg', header({ alg: 'none' })],
    ['alg', header({ alg: 'HS256' })],
    ['alg', header({ alg: 'ES256' })],
    ['typ', header({ typ: 'JWT' })],
    ['typ', header({ typ: undefined })],
    ['typ', header({ typ: 'village-delegation+jws' })],
    ['kid', header({ kid: undefined })],
    ['kid', header({ kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' })],
    ['header', header({ jwk: { kty: 'OKP' } })],
    ['header', header({ crit: ['b64'], b64: false })],
  ])('with a wrong %s in its header is refused: %s', async (claim, head) => {
    expect(await verdictOf(token({}, { head }))).toEqual([claim, expect.any(String)]);
  });

  test('without a signature is refused', async () => {
    const [, payload] = token().split('.');
    const none = Buffer.from(header({ alg: 'none' })).toString('base64url');
    expect(await verdictOf(`${none}.${payload}.`)).toEqual(['token', expect.any(String)]);
  });

  test('signed with the public key as a shared secret is refused', async () => {
    const input = token({}, { head: header({ alg: 'HS256' }) })
      .split('.')
      .slice(0, 2)
      .join('.');
    const mac = createHmac('sha256', hostA.issuer.raw).update(input).digest('base64url');
    expect(await verdictOf(`${input}.${mac}`)).toEqual(['token', expect.any(String)]);
  });

  test.each([
    ['another node', hostB.issuer],
    ['the node’s own PeerId key', hostA.node],
    ['the agent itself', sage],
  ])('signed by %s is refused', async (_who, key) => {
    expect(await verdictOf(token({}, { key }))).toEqual(['signature', expect.any(String)]);
  });

  test('whose claims were changed is refused', async () => {
    const [head, , signature] = token({ governance_level: 'READ_ONLY' }).split('.');
    const payload = Buffer.from(JSON.stringify(claims())).toString('base64url');
    expect(await verdictOf(`${head}.${payload}.${signature}`)).toEqual(['signature', expect.any(String)]);
  });

  test('that names a claim twice is refused', async () => {
    const twice = JSON.stringify(claims()).replace('{', '{"agent_id":"sage",');
    expect(await verdictOf(hostA.issuer.jwsOf(header(), twice))).toEqual(['token', expect.any(String)]);
  });

  test.each(['', '.', '..', 'a.b', 'a.b.c.d', 'Bearer x', '\0', 'x'.repeat(20_000), `${'['.repeat(9000)}`])(
    'is not %.20j',
    async (jwt) => {
      expect(await verdictOf(jwt)).toEqual(['token', expect.any(String)]);
    },
  );
});

describe('a token verified before', () => {
  const verified = async () => {
    const all = await identityDesk({ agents: { sage } });
    const answer = await all.desk.mint({ agent: 'local', ttlMs: 60_000 });
    if (answer.kind === 'refused') throw new Error(answer.message);
    expect(all.desk.verifyCached(answer.token)).toBeUndefined();
    const verdict = await all.desk.verify(answer.token);
    if (verdict.kind === 'refused') throw new Error(verdict.message);
    expect(all.desk.verifyCached(answer.token)).toBe(verdict.principal);
    return { ...all, token: answer.token, tokenId: answer.tokenId };
  };

  test('is found by the digest that its holder keeps, as long as it is good', async () => {
    const { desk, world, token: jwt } = await verified();
    const known = { tokenSha256: undefined };
    const principal = desk.verifyCached(jwt, known);
    expect(principal?.agentId).toBe(local);
    expect(known.tokenSha256).toBe(createHash('sha256').update(jwt).digest('hex'));
    // What is not looked at costs nothing.
    expect(desk.verifyCached('', known)).toBe(principal);
    world.nowMs += 60_000;
    expect(desk.verifyCached(jwt, known)).toBeUndefined();
  });

  test('is forgotten when it ends', async () => {
    const { desk, world, token: jwt } = await verified();
    world.nowMs += 60_000;
    expect(desk.verifyCached(jwt)).toBeUndefined();
    expect(await desk.verify(jwt)).toMatchObject({ kind: 'refused', claim: 'exp' });
  });

  test('is judged anew when policy changes', async () => {
    const { desk, world, token: jwt } = await verified();
    world.policy = genesis.withDecision(`agents.levels.${local}`, 'READ_ONLY');
    expect(desk.verifyCached(jwt)).toBeUndefined();
    expect(await desk.verify(jwt)).toMatchObject({ principal: { level: 'READ_ONLY' } });
  });

  test('is dead at once when it is revoked, and others are not', async () => {
    const { desk, keys, revocations, token: jwt, tokenId } = await verified();
    const other = await desk.mint({ agent: 'local' });
    await revocations.add(revokeToken(tokenId, keys, { villageId, nowMs: NOW_MS }));
    expect(desk.verifyCached(jwt)).toBeUndefined();
    expect(await desk.verify(jwt)).toMatchObject({ kind: 'refused', claim: 'jti' });
    expect(await desk.verify(other.kind === 'minted' ? other.token : '')).toMatchObject({ kind: 'ok' });
  });

  test('is dead by policy', async () => {
    const { desk, world, token: jwt, tokenId } = await verified();
    world.policy = genesis.withDecision('tokens.revoked', [tokenId]);
    expect(await desk.verify(jwt)).toMatchObject({ kind: 'refused', claim: 'jti' });
  });

  test('is dead with its agent, who gets a new one in the same second', async () => {
    const { desk, keys, revocations, token: jwt } = await verified();
    await revocations.add(revokeOwnAgent(local, keys, { villageId, nowMs: NOW_MS }));
    expect(await desk.verify(jwt)).toMatchObject({ kind: 'refused', claim: 'jti' });
    const anew = await desk.mint({ agent: 'local' });
    expect(await desk.verify(anew.kind === 'minted' ? anew.token : '')).toMatchObject({ kind: 'ok' });
  });

  test('is dead with the membership', async () => {
    const { desk, world, token: jwt } = await verified();
    world.membership = undefined;
    desk.forget();
    expect(await desk.verify(jwt)).toMatchObject({ kind: 'refused', claim: 'agent_id' });
  });
});
