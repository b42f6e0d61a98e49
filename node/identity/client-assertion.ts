import { z } from 'zod';
import { type JwsParts, readJws, verifyEd25519 } from '../../src/kernel/index.ts';

const MAX_ASSERTION_BYTES = 2048;
const CLOCK_TOLERANCE_S = 5;
/** How long an assertion may last that only proves who asks. */
const MAX_ASSERTION_S = 300;

/** RFC 7523 §3, and two claims of ours; other claims may stand beside them, as the RFC allows. */
const Claims = z.looseObject({
  iss: z.string().min(1).max(64),
  sub: z.string().min(1).max(64),
  aud: z.union([z.string().max(512), z.array(z.string().max(512)).length(1)]),
  jti: z.string().min(1).max(256),
  iat: z.number().nonnegative().optional(),
  nbf: z.number().nonnegative().optional(),
  exp: z.number().positive(),
  village_node: z.string().max(128).optional(),
  village: z.string().max(64).optional(),
});
export type AssertionClaims = z.infer<typeof Claims>;

export interface AssertionContext {
  readonly keyOf: (agent: string) => Uint8Array | undefined;
  /** Spellings of this token endpoint or issuer that `aud` may name. */
  readonly audiences: readonly string[];
  readonly nowMs: number;
  /** The longest an assertion may last that also lends the agent's name to this node (`village_node`). */
  readonly maxGrantS: number;
}

export type AssertionVerdict =
  | { readonly kind: 'proven'; readonly claims: AssertionClaims }
  /** `problem` names the claim; it says nothing that the asker did not send. */
  | { readonly kind: 'refused'; readonly problem: string };

/** Whether a client assertion proves that its sender holds the key of the agent it names. Single use is the caller's part. */
export function checkAssertion(assertion: string, context: AssertionContext): AssertionVerdict {
  const parts = readJws(assertion, MAX_ASSERTION_BYTES);
  if (typeof parts === 'string') return refused('the assertion is no JWT');
  const { alg, crit } = parts.header;
  if ((alg !== 'EdDSA' && alg !== 'Ed25519') || crit !== undefined) return refused('alg must be EdDSA');
  const read = Claims.safeParse(parts.payload);
  if (!read.success) return refused(`claim ${read.error.issues[0]?.path.join('.') ?? ''} is missing or wrong`);
  const problem = objectTo(read.data, parts, context);
  return problem === undefined ? { kind: 'proven', claims: read.data } : refused(problem);
}

function objectTo(claims: AssertionClaims, parts: JwsParts, context: AssertionContext): string | undefined {
  const key = context.keyOf(claims.sub);
  if (claims.iss !== claims.sub) return 'iss and sub must both be the agent';
  if (key === undefined || !verifyEd25519(key, parts.signingInput, parts.signature))
    return 'the signature is not of this agent';
  const nowS = context.nowMs / 1000;
  const { exp, nbf, iat = nowS, aud } = claims;
  if (!context.audiences.includes(typeof aud === 'string' ? aud : (aud[0] ?? '')))
    return 'aud must be the token endpoint or its issuer';
  if (exp <= nowS - CLOCK_TOLERANCE_S) return 'exp has passed';
  if ((nbf ?? iat) > nowS + CLOCK_TOLERANCE_S || iat > nowS + CLOCK_TOLERANCE_S) return 'nbf or iat lies ahead';
  if (claims.village_node !== undefined && claims.iat === undefined) return 'iat is needed beside village_node';
  const longest = claims.village_node === undefined ? MAX_ASSERTION_S : context.maxGrantS;
  return exp > nowS + longest || exp - iat > longest ? `exp is more than ${longest} s away` : undefined;
}

function refused(problem: string): AssertionVerdict {
  return { kind: 'refused', problem };
}
