import { z } from 'zod';
import { fromBase64Url, type JwsRefusal, openJws, publicKeyOfPeerId } from '../kernel/index.ts';
import type { Principal } from '../permissions/index.ts';
import type { PolicyView } from './policy.ts';
import { nodeSuffix, parseAgentId } from './names.ts';

export const REVOCATION_TYP = 'village-revocation+jws';
/** A revocation may be forgotten when the longest token it can concern has ended. */
export const MAX_REVOCATION_S = 25 * 3600;
const MAX_REVOCATION_BYTES = 1024;
const CLOCK_TOLERANCE_S = 30;

/**
 * Takes back a token, or every token that an agent was given until `iat`. `by` is the PeerId of the node that issued them
 * (signed by its issuer key), or the bare name of the agent (signed by its own key). Times in seconds.
 */
export const Revocation = z.strictObject({
  village: z.string().length(64),
  kind: z.enum(['token', 'agent']),
  /** `token`: SHA-256 of its jti, hex. `agent`: its name. */
  id: z.string().min(1).max(64),
  by: z.string().min(1).max(128),
  iat: z.int().nonnegative(),
  exp: z.int().positive(),
});
export type Revocation = z.infer<typeof Revocation>;

/** What a revocation is matched against. */
export type Revocable = Pick<Principal, 'tokenId' | 'agentId' | 'homeNode' | 'issuedAtMs'>;
export type RevocationTest = (subject: Revocable) => boolean;

/** `unknown-issuer`: the node's membership is not known here yet, so the statement may become valid; keep it. */
export type RevocationRefusal =
  | 'malformed'
  | 'bad-signature'
  | 'foreign-village'
  | 'unknown-issuer'
  | 'unknown-agent'
  | 'not-its-own'
  | 'too-long'
  | 'not-yet-valid'
  | 'expired';
export type RevocationVerdict =
  | { readonly kind: 'valid'; readonly revocation: Revocation }
  | { readonly kind: 'refused'; readonly because: RevocationRefusal };

export interface RevocationContext {
  /** Whose keys bare names have. */
  readonly policy: Pick<PolicyView, 'agentOf'>;
  readonly villageId: string;
  readonly nowMs: number;
  /** The issuer key of a member, from its verified membership; undefined: not known (yet). */
  readonly issuerKeyOf: (nodeId: string) => Uint8Array | undefined;
}

/** Whether a revocation statement is to be honoured. */
export function checkRevocation(jws: string, context: RevocationContext): RevocationVerdict {
  let signer = 'nobody' as Signer;
  const opened = openJws(jws, {
    typ: REVOCATION_TYP,
    key: (_header, { by }) => {
      if (typeof by !== 'string') return undefined;
      if (parseAgentId(by)?.kind === 'village') signer = 'agent';
      else if (publicKeyOfPeerId(by) !== undefined) signer = 'node';
      else return undefined;
      return signer === 'agent' ? agentKey(by, context.policy) : context.issuerKeyOf(by);
    },
    maxBytes: MAX_REVOCATION_BYTES,
  });
  if (opened.kind === 'refused') return refused(refusalOf(opened.because, signer));
  const read = Revocation.safeParse(opened.payload);
  if (!read.success) return refused('malformed');
  const objection = objectTo(read.data, signer === 'agent', context);
  return objection === undefined ? { kind: 'valid', revocation: read.data } : refused(objection);
}

type Signer = 'agent' | 'node' | 'nobody';

function refusalOf(because: JwsRefusal, signer: Signer): RevocationRefusal {
  if (because === 'bad-signature') return because;
  if (because !== 'unknown-key' || signer === 'nobody') return 'malformed';
  return signer === 'agent' ? 'unknown-agent' : 'unknown-issuer';
}

function objectTo(revocation: Revocation, byAgent: boolean, context: RevocationContext): RevocationRefusal | undefined {
  const { village, iat, exp } = revocation;
  const nowS = context.nowMs / 1000;
  if (village !== context.villageId) return 'foreign-village';
  if (!isItsOwn(revocation, byAgent)) return 'not-its-own';
  if (exp - iat > MAX_REVOCATION_S) return 'too-long';
  if (iat > nowS + CLOCK_TOLERANCE_S) return 'not-yet-valid';
  return exp <= nowS ? 'expired' : undefined;
}

/**
 * A token's id names no issuer, and every node that serves an agent learns it. So a token revocation counts only for
 * tokens of `by` (see `revokes`), and needs no check here.
 */
function isItsOwn({ kind, id, by }: Revocation, byAgent: boolean): boolean {
  if (kind === 'token') return /^[0-9a-f]{64}$/.test(id);
  if (byAgent) return id === by;
  const agent = parseAgentId(id);
  return agent?.kind === 'node' && agent.node === nodeSuffix(by);
}

/** Whether a valid `revocation` takes back this token or delegation. */
export function revokes(revocation: Revocation, subject: Revocable): boolean {
  if (revocation.by !== subject.homeNode && revocation.by !== subject.agentId) return false;
  if (revocation.kind === 'token') return revocation.id === subject.tokenId;
  return revocation.id === subject.agentId && subject.issuedAtMs <= revocation.iat * 1000;
}

function agentKey(name: string, policy: Pick<PolicyView, 'agentOf'>): Uint8Array | undefined {
  const agent = policy.agentOf(name);
  return agent === undefined ? undefined : fromBase64Url(agent.key);
}

function refused(because: RevocationRefusal): RevocationVerdict {
  return { kind: 'refused', because };
}
