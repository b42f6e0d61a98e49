import { checkGrant, MAX_GRANT_S } from '../../src/constitution/index.ts';
import type { Level } from '../../src/permissions/index.ts';
import { isPatternList } from './claims.ts';
import { type AssertionClaims, checkAssertion } from './client-assertion.ts';
import type { GrantShelf } from './grants.ts';
import type { NodeKeys } from './node-keys.ts';
import { DEFAULT_TOKEN_TTL_MS, type TokenDesk } from './tokens.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ALGS = ['EdDSA', 'Ed25519'];

export interface OAuthAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface TokenEndpointOptions {
  readonly desk: TokenDesk;
  readonly grants: GrantShelf;
  readonly keys: NodeKeys;
  readonly villageId: string;
  readonly now: () => number;
  readonly onIssued: (issued: { readonly agent: string; readonly tokenId: string; readonly level: Level }) => void;
}

/** The authorization server that a node is for agents with keys of their own: client credentials, nothing interactive. */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /**
   * One POST to the token endpoint (RFC 6749 §4.4 with RFC 7523 §2.2). `tokenEndpoint`: the URL the agent reached.
   * An assertion that names this node in `village_node` also lets the node speak for the agent elsewhere until it ends.
   */
  async exchange(form: URLSearchParams, { tokenEndpoint }: { readonly tokenEndpoint: string }): Promise<OAuthAnswer> {
    const twice = [...form.keys()].find((name) => form.getAll(name).length > 1);
    if (twice !== undefined) return refuse('invalid_request', 'a parameter is given twice');
    if (form.get('grant_type') !== 'client_credentials') {
      return refuse('unsupported_grant_type', 'grant_type must be client_credentials');
    }
    const assertion = form.get('client_assertion');
    if (assertion === null || form.get('client_assertion_type') !== ASSERTION_TYPE) {
      return refuse('invalid_client', `client_assertion of type ${ASSERTION_TYPE} is needed`);
    }
    const proof = checkAssertion(assertion, {
      keyOf: (agent) => this.#keyOf(agent),
      audiences: audiencesOf(tokenEndpoint),
      nowMs: this.#options.now(),
      maxGrantS: MAX_GRANT_S,
    });
    if (proof.kind === 'refused') return refuse('invalid_client', proof.problem);
    return this.#answer({ form, assertion, claims: proof.claims, tokenEndpoint });
  }

  /** The issuer's public key (RFC 7517). */
  jwks(): Record<string, unknown> {
    const { issuerX, issuerKid } = this.#options.keys;
    return { keys: [{ kty: 'OKP', crv: 'Ed25519', x: issuerX, kid: issuerKid, use: 'sig', alg: 'EdDSA' }] };
  }

  /** RFC 8414; `origin` is the gateway's, as in `http://127.0.0.1:7117`. */
  authorizationServerMetadata(origin: string): Record<string, unknown> {
    return {
      issuer: origin,
      token_endpoint: `${origin}/oauth/token`,
      jwks_uri: `${origin}/oauth/jwks`,
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ALGS,
      village: this.#options.villageId,
      village_node: this.#options.keys.nodeId,
    };
  }

  /** RFC 9728; `path` is the protected resource's, as in `/mcp`. */
  protectedResourceMetadata(origin: string, path: string): Record<string, unknown> {
    return {
      resource: `${origin}${path}`,
      authorization_servers: [origin],
      bearer_methods_supported: ['header'],
      resource_name: `Village node ${this.#options.keys.nodeId.slice(-8)}`,
    };
  }

  async #answer(request: {
    readonly form: URLSearchParams;
    readonly assertion: string;
    readonly claims: AssertionClaims;
    readonly tokenEndpoint: string;
  }): Promise<OAuthAnswer> {
    const { form, claims } = request;
    const speaker = this.#options.desk.speaker(claims.sub);
    if (typeof speaker === 'string') return refuse('invalid_client', 'this agent is not known here');
    if (form.has('client_id') && form.get('client_id') !== claims.sub) {
      return refuse('invalid_client', 'client_id is not the agent of the assertion');
    }
    const resource = form.get('resource');
    if (resource !== null && originOf(resource) !== originOf(request.tokenEndpoint)) {
      return refuse('invalid_target', 'resource is not served here');
    }
    const scope = (form.get('scope') ?? '').split(' ').filter((part) => part !== '');
    if (!isPatternList(scope)) return refuse('invalid_scope', 'scope is a list of tool patterns');
    const { nodeId } = this.#options.keys;
    if (claims.village_node !== undefined && !this.#isGrant(request.assertion, claims)) {
      return refuse('invalid_client', `village_node must be ${nodeId}, and village its village`);
    }

    const endsAtMs = Math.ceil(claims.exp + 10) * 1000;
    const spent = await this.#options.grants.spend(claims.sub, claims.jti, { endsAtMs, nowMs: this.#options.now() });
    if (spent === 'spent') return refuse('invalid_client', 'this assertion was used before: jti');
    if (spent === 'full') return busy();
    const leftMs = claims.exp * 1000 - this.#options.now();
    // A token that outlives the agent's word for this node would stop working on other nodes half-way.
    const ttlMs = claims.village_node === undefined ? DEFAULT_TOKEN_TTL_MS : Math.min(DEFAULT_TOKEN_TTL_MS, leftMs);
    const minted = await this.#options.desk.issue(speaker, { ttlMs, permissions: scope.length === 0 ? ['*'] : scope });
    if (minted.kind === 'refused') return refuse('invalid_request', minted.message);
    if (claims.village_node !== undefined) {
      const kept = await this.#options.grants.keep(minted.tokenId, request.assertion, {
        endsAtMs: claims.exp * 1000,
        nowMs: this.#options.now(),
      });
      if (kept === 'full') return busy();
    }
    this.#options.onIssued({ agent: speaker.agentId, tokenId: minted.tokenId, level: speaker.level });
    return {
      status: 200,
      body: {
        access_token: minted.token,
        token_type: 'Bearer',
        expires_in: Math.floor((minted.expiresAtMs - this.#options.now()) / 1000),
        ...(scope.length === 0 ? {} : { scope: scope.join(' ') }),
      },
    };
  }

  #keyOf(agent: string): Uint8Array | undefined {
    return this.#options.desk.agentKey(agent);
  }

  /** Checked as the other nodes will: a grant that they refuse must not be taken here. */
  #isGrant(assertion: string, { sub }: AssertionClaims): boolean {
    const { villageId, keys, now } = this.#options;
    const agentKey = this.#keyOf(sub);
    if (agentKey === undefined) return false;
    const context = { villageId, agent: sub, agentKey, nodeId: keys.nodeId, tokenId: '', nowMs: now() };
    return checkGrant(assertion, context).kind === 'granted';
  }
}

/** The token endpoint itself, or its issuer with and without the slash that URL parsers add. */
function audiencesOf(tokenEndpoint: string): readonly string[] {
  const origin = originOf(tokenEndpoint);
  return origin === undefined ? [tokenEndpoint] : [tokenEndpoint, origin, `${origin}/`];
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function refuse(error: string, description: string): OAuthAnswer {
  return { status: error === 'invalid_client' ? 401 : 400, body: { error, error_description: description } };
}

function busy(): OAuthAnswer {
  return {
    status: 503,
    body: { error: 'temporarily_unavailable', error_description: 'too many assertions; ask again later' },
  };
}
