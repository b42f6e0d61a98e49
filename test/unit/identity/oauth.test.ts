import { importJWK, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { GrantShelf, TokenEndpoint } from '../../../node/identity/index.ts';
import { checkDelegation, verifyMembership } from '../../../src/constitution/index.ts';
import { identityDesk } from '../../support/identity-desk.ts';
import {
  constitution,
  founder,
  gardener,
  genesis,
  hostA,
  hostB,
  link,
  NOW_MS,
  NOW_S,
  sage,
  villageId,
} from '../../support/small-village.ts';

const TOKEN_ENDPOINT = 'http://127.0.0.1:7117/oauth/token';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const claims = (changes: object = {}) => ({
  iss: 'sage',
  sub: 'sage',
  aud: TOKEN_ENDPOINT,
  jti: 'a1',
  iat: NOW_S,
  exp: NOW_S + 60,
  ...changes,
});
const assert = (changes: object = {}, key = sage, head = '{"alg":"EdDSA","typ":"JWT"}') =>
  key.jwsOf(head, JSON.stringify(claims(changes)));
const form = (assertion: string, changes: Record<string, string> = {}) =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
    ...changes,
  });
const ask = async (body: URLSearchParams, all?: Awaited<ReturnType<typeof identityDesk>>) =>
  (all ?? (await identityDesk())).endpoint.exchange(body, { tokenEndpoint: TOKEN_ENDPOINT });

describe('the token endpoint', () => {
  test('gives an agent a token for proof of its own key', async () => {
    const all = await identityDesk();
    const answer = await ask(form(assert()), all);
    expect(answer).toEqual({
      status: 200,
      body: { access_token: expect.any(String), token_type: 'Bearer', expires_in: 3600 },
    });
    expect(await all.desk.verify(String(answer.body['access_token']))).toMatchObject({
      kind: 'ok',
      principal: { agentId: 'sage', level: 'GOVERNANCE', permissions: undefined },
    });
    const issued = { agent: 'sage', level: 'GOVERNANCE', tokenId: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(all.issued).toEqual([issued]);
    expect(JSON.stringify(all.issued)).not.toContain(String(answer.body['access_token']));
  });

  test('takes what jose signs, and the issuer as audience', async () => {
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: sage.x, d: sage.d }, 'EdDSA');
    const sign = (aud: string, jti: string) =>
      new SignJWT({ iss: 'sage', sub: 'sage', jti, aud, exp: NOW_S + 60, iat: NOW_S })
        .setProtectedHeader({ alg: 'EdDSA', kid: '1' })
        .sign(key);
    const all = await identityDesk();
    for (const [index, aud] of [TOKEN_ENDPOINT, 'http://127.0.0.1:7117', 'http://127.0.0.1:7117/'].entries()) {
      expect(await ask(form(await sign(aud, `j${index}`)), all)).toMatchObject({ status: 200 });
    }
  });

  test('narrows a token to the scope that is asked for', async () => {
    const all = await identityDesk();
    const answer = await ask(form(assert(), { scope: 'hyperrag_* mesh_ping' }), all);
    expect(answer.body).toMatchObject({ scope: 'hyperrag_* mesh_ping' });
    expect(await all.desk.verify(String(answer.body['access_token']))).toMatchObject({
      principal: { permissions: ['hyperrag_*', 'mesh_ping'] },
    });
  });

  test.each([
    ['grant_type', { grant_type: 'authorization_code' }, 400, 'unsupported_grant_type'],
    ['grant_type', { grant_type: '' }, 400, 'unsupported_grant_type'],
    ['assertion type', { client_assertion_type: 'saml' }, 401, 'invalid_client'],
    ['client_id', { client_id: 'gardener' }, 401, 'invalid_client'],
    ['scope', { scope: 'a,b' }, 400, 'invalid_scope'],
    ['resource', { resource: 'https://elsewhere.example/mcp' }, 400, 'invalid_target'],
    ['resource', { resource: '/mcp' }, 400, 'invalid_target'],
  ])('refuses a wrong %s: %o', async (_what, changes, status, error) => {
    expect(await ask(form(assert(), changes as Record<string, string>))).toMatchObject({ status, body: { error } });
  });

  test('takes the agent’s own client_id and this resource', async () => {
    expect(await ask(form(assert(), { client_id: 'sage', resource: 'http://127.0.0.1:7117/mcp' }))).toMatchObject({
      status: 200,
    });
  });

  test('refuses a parameter that is given twice', async () => {
    const body = form(assert());
    body.append('client_assertion', assert({ jti: 'a2' }));
    expect(await ask(body)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  test.each([
    ['of another agent', assert({}, gardener)],
    ['of an agent nobody knows', assert({ iss: 'stranger', sub: 'stranger' })],
    ['of a node', assert({ iss: 'local', sub: 'local' }, hostA.issuer)],
    ['for two agents', assert({ iss: 'gardener' })],
    ['for another endpoint', assert({ aud: 'http://127.0.0.1:7118/oauth/token' })],
    ['for several endpoints', assert({ aud: [TOKEN_ENDPOINT, 'http://evil.example'] })],
    ['for the village', assert({ aud: villageId })],
    ['without jti', assert({ jti: undefined })],
    ['without exp', assert({ exp: undefined })],
    ['that has ended', assert({ exp: NOW_S - 5 })],
    ['that lasts too long', assert({ exp: NOW_S + 301 })],
    ['issued in the future', assert({ iat: NOW_S + 6 })],
    ['not valid yet', assert({ nbf: NOW_S + 6 })],
    ['with alg none', assert({}, sage, '{"alg":"none"}')],
    ['with a shared secret’s algorithm', assert({}, sage, '{"alg":"HS256"}')],
    ['with critical extensions', assert({}, sage, '{"alg":"EdDSA","crit":["x"],"x":1}')],
    ['that is no JWT', 'sage'],
    ['that is empty', ''],
    ['that is huge', 'x'.repeat(5000)],
  ])('refuses an assertion %s', async (_what, assertion) => {
    const all = await identityDesk();
    expect(await ask(form(assertion), all)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await ask(form(assert({ jti: 'still-good' })), all)).toMatchObject({ status: 200 });
  });

  test('takes an assertion once, also after a restart', async () => {
    const all = await identityDesk();
    const assertion = assert();
    const answers = await Promise.all([ask(form(assertion), all), ask(form(assertion), all)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
    const grants = await GrantShelf.open({ store: all.store.grants, nowMs: NOW_MS });
    const endpoint = new TokenEndpoint({ ...all, grants, villageId, now: () => NOW_MS });
    expect(await endpoint.exchange(form(assertion), { tokenEndpoint: TOKEN_ENDPOINT })).toMatchObject({ status: 401 });
  });
});

describe('an assertion that names this node', () => {
  const lend = (changes: object = {}) => assert({ village_node: hostA.node.peerId, exp: NOW_S + 1800, ...changes });

  test('lets the node speak for the agent elsewhere, as long as it lasts', async () => {
    const all = await identityDesk();
    const answer = await ask(form(lend()), all);
    expect(answer).toMatchObject({ status: 200, body: { expires_in: 1800 } });
    const verdict = await all.desk.verify(String(answer.body['access_token']));
    if (verdict.kind === 'refused') throw new Error(verdict.message);
    const made = all.delegations.delegationFor(verdict.principal, hostB.node.peerId, { nowMs: NOW_MS });
    if (made.kind === 'refused') throw new Error(made.because);

    const context = { constitution, villageId, policy: genesis, nowMs: NOW_MS };
    const peer = verifyMembership([link(founder, hostA)], { ...context, nodeId: hostA.node.peerId });
    if (peer.kind === 'refused') throw new Error(peer.because);
    expect(
      checkDelegation(made.jws, {
        ...context,
        peer: peer.membership,
        selfNodeId: hostB.node.peerId,
        isRevoked: () => false,
      }),
    ).toMatchObject({ kind: 'accepted', principal: { agentId: 'sage', level: 'GOVERNANCE' } });
  });

  test('is needed for that', async () => {
    const all = await identityDesk();
    const answer = await ask(form(assert()), all);
    const verdict = await all.desk.verify(String(answer.body['access_token']));
    if (verdict.kind === 'refused') throw new Error(verdict.message);
    expect(all.delegations.delegationFor(verdict.principal, hostB.node.peerId, { nowMs: NOW_MS })).toEqual({
      kind: 'refused',
      because: 'no-grant',
    });
  });

  test.each([
    ['another node', { village_node: hostB.node.peerId }],
    ['another village', { village: 'f'.repeat(64) }],
    ['no time of issue', { iat: undefined }],
    ['more than a day', { exp: NOW_S + 86_401 }],
  ])('is refused when it names %s', async (_what, changes) => {
    expect(await ask(form(lend(changes)))).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});

describe('the metadata', () => {
  test('says what RFC 8414, RFC 9728 and RFC 7517 ask for', async () => {
    const { endpoint, keys } = await identityDesk();
    const origin = 'http://127.0.0.1:7117';
    expect(endpoint.authorizationServerMetadata(origin)).toMatchObject({
      issuer: origin,
      token_endpoint: TOKEN_ENDPOINT,
      jwks_uri: `${origin}/oauth/jwks`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      village_node: hostA.node.peerId,
    });
    expect(endpoint.protectedResourceMetadata(origin, '/mcp')).toMatchObject({
      resource: `${origin}/mcp`,
      authorization_servers: [origin],
    });
    expect(endpoint.jwks()).toEqual({
      keys: [{ kty: 'OKP', crv: 'Ed25519', x: hostA.issuer.x, kid: keys.issuerKid, use: 'sig', alg: 'EdDSA' }],
    });
  });
});
