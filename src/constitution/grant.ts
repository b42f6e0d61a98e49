import { z } from 'zod';
import { openJws, readJws, verifyEd25519 } from '../kernel/index.ts';

export const GRANT_TYP = 'village-grant+jws';
/** The longest an agent may lend its name to a node at once: as long as the longest token. */
export const MAX_GRANT_S = 24 * 3600;
export const MAX_GRANT_BYTES = 2048;
/** How far apart the clocks of two nodes may be. */
const CLOCK_TOLERANCE_S = 30;

/** An agent's word that a node may speak for it: signed by the agent's key. Times in seconds. */
export const Grant = z.strictObject({
  village: z.string().length(64),
  agent: z.string().max(32),
  node: z.string().max(128),
  /** SHA-256 of the one token's jti, hex; absent: any token of that node. */
  token: z.string().length(64).optional(),
  iat: z.int().nonnegative(),
  exp: z.int().positive(),
});
export type Grant = z.infer<typeof Grant>;

/**
 * The other form: the OAuth client assertion of an agent that keeps its own key (RFC 7523), when it names the node in
 * `village_node`. Other libraries write it, so its JSON need not be canonical and other claims may stand beside these.
 */
const Assertion = z.looseObject({
  iss: z.string().max(32),
  sub: z.string().max(32),
  village_node: z.string().max(128),
  /** The village's id, where the agent says it. */
  village: z.string().length(64).optional(),
  iat: z.number().nonnegative(),
  exp: z.number().positive(),
});
const ASSERTION_ALGS: readonly unknown[] = ['EdDSA', 'Ed25519'];
const ASSERTION_TYPS: readonly unknown[] = [undefined, 'JWT', 'jwt', 'client-authentication+jwt'];

export type GrantRefusal =
  | 'malformed'
  | 'bad-signature'
  | 'foreign-village'
  | 'other-agent'
  | 'other-node'
  | 'other-token'
  | 'not-yet-valid'
  | 'expired'
  | 'too-long';
export type GrantVerdict =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly because: GrantRefusal };

export interface GrantContext {
  readonly villageId: string;
  readonly agent: string;
  /** The agent's raw Ed25519 key, as the constitution names it. */
  readonly agentKey: Uint8Array;
  readonly nodeId: string;
  /** SHA-256 of the jti of the token it is to be used for. */
  readonly tokenId: string;
  readonly nowMs: number;
}

/** Whether `jws` (either form) is the agent's word that `nodeId` may speak for it now. */
export function checkGrant(jws: string, context: GrantContext): GrantVerdict {
  const grant = openGrant(jws, context);
  return typeof grant === 'string' ? refused(grant) : judge(grant, context);
}

function openGrant(jws: string, { agentKey, villageId }: GrantContext): Grant | GrantRefusal {
  const parts = readJws(jws, MAX_GRANT_BYTES);
  if (typeof parts === 'string') return 'malformed';
  if (parts.header['typ'] === GRANT_TYP) {
    const opened = openJws(jws, { typ: GRANT_TYP, key: agentKey, maxBytes: MAX_GRANT_BYTES });
    if (opened.kind === 'refused') return opened.because === 'bad-signature' ? 'bad-signature' : 'malformed';
    return Grant.safeParse(opened.payload).data ?? 'malformed';
  }
  const { alg, typ, crit } = parts.header;
  const read = Assertion.safeParse(parts.payload);
  if (!ASSERTION_ALGS.includes(alg) || !ASSERTION_TYPS.includes(typ) || crit !== undefined || !read.success)
    return 'malformed';
  if (!verifyEd25519(agentKey, parts.signingInput, parts.signature)) return 'bad-signature';
  const { iss, sub, village_node, village = villageId, iat, exp } = read.data;
  if (iss !== sub) return 'malformed';
  return { village, agent: sub, node: village_node, iat: Math.floor(iat), exp: Math.floor(exp) };
}

function judge(grant: Grant, context: GrantContext): GrantVerdict {
  if (grant.village !== context.villageId) return refused('foreign-village');
  if (grant.agent !== context.agent) return refused('other-agent');
  if (grant.node !== context.nodeId) return refused('other-node');
  if (grant.token !== undefined && grant.token !== context.tokenId) return refused('other-token');
  if (grant.exp - grant.iat > MAX_GRANT_S) return refused('too-long');
  const nowS = context.nowMs / 1000;
  if (grant.iat > nowS + CLOCK_TOLERANCE_S) return refused('not-yet-valid');
  if (grant.exp <= nowS) return refused('expired');
  return { kind: 'granted', grant };
}

function refused(because: GrantRefusal): GrantVerdict {
  return { kind: 'refused', because };
}
