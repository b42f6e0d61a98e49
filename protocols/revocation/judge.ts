import {
  checkRevocation,
  type Constitution,
  type Membership,
  type MembershipRefusal,
  type PolicyView,
  type Revocation,
  type RevocationRefusal,
  type RevocationVerdict,
  verifyMembership,
} from '../../src/constitution/index.ts';
import { publicKeyOfPeerId, readJws } from '../../src/kernel/index.ts';
import { type Carried, MAX_STATEMENT_BYTES } from './schema.ts';

/**
 * `valid`: to be honoured; `signer` is the membership that proved it, where a node signed. `waits`: what is known here
 * does not prove it, and may yet. `ended`: it was true once. `bad`: nothing will ever make it true.
 */
export type Judged =
  | { readonly kind: 'valid'; readonly revocation: Revocation; readonly signer: Membership | undefined }
  | { readonly kind: 'waits' | 'ended' | 'bad'; readonly because: RevocationRefusal | MembershipRefusal };

export interface JudgeContext {
  readonly constitution: Constitution;
  readonly villageId: string;
  readonly policy: PolicyView;
  readonly nowMs: number;
  /** The verified memberships under which this node knows another one, if any. */
  readonly known: (nodeId: string) => readonly Membership[];
}

/** Who claims to have signed; undefined: nobody who could. Not verified. */
export function claimedSigner(statement: string): string | undefined {
  const read = readJws(statement, MAX_STATEMENT_BYTES);
  const by = typeof read === 'string' ? undefined : read.payload['by'];
  return typeof by === 'string' ? by : undefined;
}

/** What a statement is worth that came by way of anybody. */
export function judge({ statement, chain }: Carried, context: JudgeContext): Judged {
  const by = claimedSigner(statement);
  if (by === undefined) return { kind: 'bad', because: 'malformed' };
  const isNode = publicKeyOfPeerId(by) !== undefined;
  const proven = isNode && chain !== undefined ? verifyMembership(chain, { ...context, nodeId: by }) : undefined;
  // Credentials that were forged or put together wrongly are refused even where the signer is known: who sent them lies.
  if (proven?.kind === 'refused' && !PASSING.has(proven.because)) return { kind: 'bad', because: proven.because };
  const memberships = isNode ? context.known(by) : [];
  const signers = proven?.kind === 'member' ? [proven.membership, ...memberships] : memberships;

  let verdict = check(statement, undefined, context);
  for (const signer of signers) {
    verdict = check(statement, signer, context);
    if (verdict.kind === 'valid') return { ...verdict, signer };
  }
  return verdict.kind === 'valid' ? { ...verdict, signer: undefined } : refusal(verdict.because);
}

function check(statement: string, signer: Membership | undefined, context: JudgeContext): RevocationVerdict {
  const issuerKeyOf = (nodeId: string) => (nodeId === signer?.nodeId ? signer.issuerKey : undefined);
  return checkRevocation(statement, { ...context, issuerKeyOf });
}

function refusal(because: RevocationRefusal): Judged {
  if (because === 'expired') return { kind: 'ended', because };
  return { kind: WAITING.has(because) ? 'waits' : 'bad', because };
}

/** A chain refused for these may be renewed, become valid, or be valid for others. */
const PASSING: ReadonlySet<MembershipRefusal> = new Set(['expired', 'evicted', 'held', 'not-yet-valid']);
/** An agent may be added to the village, a node may be met, a clock may be behind. */
const WAITING: ReadonlySet<RevocationRefusal> = new Set(['unknown-issuer', 'unknown-agent', 'not-yet-valid']);
