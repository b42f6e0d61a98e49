import { errors, jwtVerify, SignJWT } from 'jose';
import { fromBase64Url, type JwsParts, readJws, sha256Hex } from '../../src/kernel/index.ts';
import { atLeast, type Level, lowest, type Principal } from '../../src/permissions/index.ts';
import type { AgentKeystore } from './agent-keystore.ts';
import { type ClaimProblem, claimProblem, isPatternList, type TokenClaims } from './claims.ts';
import type { NodeKeys } from './node-keys.ts';
import type { Revocations } from './revocations.ts';
import { findSpeaker, type Speaker, type SpeakerRefusal, type SpeakerSources } from './speakers.ts';
import { type KnownDigest, VerifiedTokens } from './verified-tokens.ts';

const TOKEN_TYP = 'at+jwt';
export const DEFAULT_TOKEN_TTL_MS = 3600_000;
const MAX_TOKEN_TTL_MS = 24 * 3600_000;
const MAX_TOKEN_BYTES = 16 * 1024;
const CLOCK_TOLERANCE_S = 5;

export interface TokenDeskOptions extends Omit<SpeakerSources, 'nodeId'> {
  readonly keys: NodeKeys;
  readonly keystore: AgentKeystore;
  readonly villageId: string;
  readonly revocations: Pick<Revocations, 'isRevoked' | 'agentRevokedAt' | 'onRevoked'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** At least 128 random bits, new each time. */
  readonly newId: () => string;
}

export interface MintRequest {
  /** `sage`, `local`, `local@Q3xK9a2Z`. */
  readonly agent: string;
  /** 1 h by default, 24 h at most. */
  readonly ttlMs?: number | undefined;
  /** The agent's own by default; never more. */
  readonly level?: Level | undefined;
  /** Tool patterns; not narrowed by default. */
  readonly permissions?: readonly string[] | undefined;
}

export interface MintedToken {
  readonly kind: 'minted';
  readonly token: string;
  readonly agentId: string;
  readonly tokenId: string;
  readonly expiresAtMs: number;
}
export interface MintRefusal {
  readonly kind: 'refused';
  readonly because: SpeakerRefusal | 'no-key' | 'held' | 'level-too-high' | 'bad-ttl' | 'bad-permissions';
  readonly message: string;
  readonly hint: string;
}

export type TokenVerdict =
  | { readonly kind: 'ok'; readonly principal: Principal }
  | ({ readonly kind: 'refused' } & ClaimProblem);

/** Issues and verifies the tokens of the agents on this node's machine. */
export class TokenDesk {
  readonly #options: TokenDeskOptions;
  readonly #sources: SpeakerSources;
  readonly #verified = new VerifiedTokens();

  constructor(options: TokenDeskOptions) {
    this.#options = options;
    this.#sources = { ...options, nodeId: options.keys.nodeId };
    options.revocations.onRevoked(() => this.#verified.clear());
  }

  /** A token for an agent that this node may speak for: its own, or a bare name whose key is here. */
  async mint(request: MintRequest): Promise<MintedToken | MintRefusal> {
    const speaker = this.speaker(request.agent);
    if (typeof speaker === 'string') return refuseSpeaker(request.agent, speaker);
    if (speaker.kind === 'village' && !this.#holdsKey(speaker.name)) {
      return refuse('no-key', `the key of ${speaker.name} is not on this node`, {
        hint: `import it (\`village agents key import FILE\`), or let ${speaker.name} ask the token endpoint with its own key`,
      });
    }
    return this.issue(speaker, request);
  }

  /** A token for a speaker who has proven itself (the token endpoint does so by the agent's own signature). */
  async issue(speaker: Speaker, request: Omit<MintRequest, 'agent'>): Promise<MintedToken | MintRefusal> {
    const { ttlMs = DEFAULT_TOKEN_TTL_MS, level = speaker.level, permissions = ['*'] } = request;
    if (this.#options.policy().isAgentHeld(speaker.agentId)) {
      return refuse('held', `a voter holds ${speaker.agentId} back until the others have voted`, {
        hint: '`village gov list --open` shows the vote on it',
      });
    }
    if (!atLeast(speaker.level, level)) {
      return refuse('level-too-high', `${speaker.agentId} has level ${speaker.level}`, {
        hint: `ask for ${speaker.level} or less`,
      });
    }
    if (!(ttlMs >= 1000 && ttlMs <= MAX_TOKEN_TTL_MS)) {
      return refuse('bad-ttl', 'a token lasts 1 s to 24 h', { hint: 'tokens are made again before they end' });
    }
    if (!isPatternList(permissions)) {
      return refuse('bad-permissions', 'these are no tool patterns', {
        hint: 'letters, digits, _ . - and * as in hyperrag_*',
      });
    }
    return this.#sign(speaker, { ttlMs, level, permissions });
  }

  /** Who a name means here, whether or not its key is. */
  speaker(name: string): Speaker | SpeakerRefusal {
    return findSpeaker(name, this.#sources);
  }

  /** The public key of a bare name. */
  agentKey(name: string): Uint8Array | undefined {
    const agent = this.#options.policy().agentOf(name);
    return agent === undefined ? undefined : fromBase64Url(agent.key);
  }

  /** Whether this node can mint for the name. */
  canMint(name: string): boolean {
    const speaker = this.speaker(name);
    return typeof speaker !== 'string' && (speaker.kind === 'node' || this.#holdsKey(speaker.name));
  }

  /** The principal of a token verified before; undefined: ask `verify`. `known` belongs to this token alone. */
  verifyCached(token: string, known?: KnownDigest): Principal | undefined {
    return this.#verified.get(token, { nowMs: this.#options.now(), policyRoot: this.#options.policy().root, known });
  }

  async verify(token: string): Promise<TokenVerdict> {
    const known = this.verifyCached(token);
    if (known !== undefined) return { kind: 'ok', principal: known };
    const policyRoot = this.#options.policy().root;
    const parts = readJws(token, MAX_TOKEN_BYTES);
    if (parts === 'too-large') return refused('token', 'the token is too large');
    if (parts === 'malformed') return refused('token', 'this is no token of a village');
    const problem = headerProblem(parts, this.#options.keys.issuerKid) ?? (await this.#signatureProblem(token));
    if (problem !== undefined) return { kind: 'refused', ...problem };
    const verdict = this.#judge(parts.payload);
    if (verdict.kind === 'ok') this.#verified.add(token, { principal: verdict.principal, policyRoot });
    return verdict;
  }

  /** Forgets what was verified: call when membership or this node's own agents changed. */
  forget(): void {
    this.#verified.clear();
  }

  async #sign(
    speaker: Speaker,
    terms: { ttlMs: number; level: Level; permissions: readonly string[] },
  ): Promise<MintedToken> {
    const { keys, villageId, revocations, now, newId } = this.#options;
    const by = speaker.kind === 'village' ? speaker.agentId : keys.nodeId;
    // A revocation takes back every token of its second and before: a new one begins after it.
    const iat = Math.max(Math.floor(now() / 1000), (revocations.agentRevokedAt(speaker.agentId, by) ?? -1) + 1);
    const exp = iat + Math.floor(terms.ttlMs / 1000);
    const jti = newId();
    const claims: TokenClaims = {
      agent_id: speaker.agentId,
      role: speaker.role,
      governance_level: terms.level,
      permissions: terms.permissions,
      iss: keys.nodeId,
      aud: villageId,
      iat,
      nbf: iat,
      exp,
      jti,
    };
    const token = await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'EdDSA', typ: TOKEN_TYP, kid: keys.issuerKid })
      .sign(keys.issuer);
    return { kind: 'minted', token, agentId: speaker.agentId, tokenId: sha256Hex(jti), expiresAtMs: exp * 1000 };
  }

  async #signatureProblem(token: string): Promise<ClaimProblem | undefined> {
    const { keys, villageId, now } = this.#options;
    try {
      await jwtVerify(token, keys.issuerPublic, {
        algorithms: ['EdDSA', 'Ed25519'],
        typ: TOKEN_TYP,
        issuer: keys.nodeId,
        audience: villageId,
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(now()),
      });
      return undefined;
    } catch (error) {
      return problemOf(error);
    }
  }

  #judge(payload: Readonly<Record<string, unknown>>): TokenVerdict {
    const shape = claimProblem(payload);
    if (shape !== undefined) return { kind: 'refused', ...shape };
    const claims = payload as unknown as TokenClaims;
    const { keys, policy, revocations, now } = this.#options;
    // Its end was written by the clock that reads it now, and nobody else is told of it for longer: no tolerance.
    if (claims.exp * 1000 <= now()) return refused('exp', 'expired token: exp');
    if (claims.iat > now() / 1000 + CLOCK_TOLERANCE_S) return refused('iat', 'invalid claim: iat lies ahead');
    const speaker = this.speaker(claims.agent_id);
    if (typeof speaker === 'string' || speaker.agentId !== claims.agent_id) {
      return refused(
        'agent_id',
        speaker === 'not-a-member' ? 'this node is no member' : 'unknown agent in claim: agent_id',
      );
    }
    const tokenId = sha256Hex(claims.jti);
    const id = { tokenId, agentId: claims.agent_id, homeNode: keys.nodeId, issuedAtMs: claims.iat * 1000 };
    if (!policy().mayIssue(keys.nodeId)) return refused('iss', 'the village blocks tokens that this node issues');
    if (policy().isRevoked(tokenId) || revocations.isRevoked(id)) return refused('jti', 'revoked token');
    if (policy().isAgentHeld(claims.agent_id, tokenId))
      return refused('agent_id', 'a voter holds this agent or its token back until the others have voted');
    return {
      kind: 'ok',
      principal: {
        ...id,
        role: speaker.role,
        level: lowest(claims.governance_level, speaker.level),
        permissions: claims.permissions.includes('*') ? undefined : claims.permissions,
        expiresAtMs: claims.exp * 1000,
      },
    };
  }

  #holdsKey(name: string): boolean {
    return this.#options.keystore.publicKey(name) === this.#options.policy().agentOf(name)?.key;
  }
}

function headerProblem({ header, payload }: JwsParts, kid: string): ClaimProblem | undefined {
  const { alg, typ, kid: signer, ...others } = header;
  if (alg !== 'EdDSA' && alg !== 'Ed25519') return { claim: 'alg', message: 'invalid header: alg must be EdDSA' };
  if (typ !== TOKEN_TYP) return { claim: 'typ', message: `invalid header: typ must be ${TOKEN_TYP}` };
  if (signer !== kid) return { claim: 'kid', message: 'unknown key in header: kid; this node signs with another' };
  if (Object.keys(others).length > 0) return { claim: 'header', message: 'unknown header' };
  return claimProblem(payload);
}

function problemOf(error: unknown): ClaimProblem {
  if (error instanceof errors.JWTExpired) return { claim: 'exp', message: 'expired token: exp' };
  if (error instanceof errors.JWTClaimValidationFailed) {
    const early = error.claim === 'nbf' ? 'not yet valid: nbf' : `invalid claim: ${error.claim}`;
    return { claim: error.claim, message: error.reason === 'missing' ? `missing claim: ${error.claim}` : early };
  }
  return { claim: 'signature', message: 'the signature is not of this node' };
}

function refuseSpeaker(agent: string, because: SpeakerRefusal): MintRefusal {
  switch (because) {
    case 'unknown-agent':
      return refuse(because, `no agent named ${agent} is known here`, {
        hint: '`village agents list` shows them; `village agents add` makes one',
      });
    case 'other-nodes-agent':
      return refuse(because, `${agent} belongs to another node`, { hint: 'ask that node for its token' });
    case 'not-a-member':
      return refuse(because, 'this node belongs to no village', {
        hint: '`village join INVITE`, or start it with `village up`',
      });
  }
}

function refuse(because: MintRefusal['because'], message: string, { hint }: { readonly hint: string }): MintRefusal {
  return { kind: 'refused', because, message, hint };
}

function refused(claim: string, message: string): TokenVerdict {
  return { kind: 'refused', claim, message };
}
