import { admission, redeemTicket } from '../../protocols/admission/index.ts';
import type { AdmissionReason } from '../../protocols/wire/index.ts';
import {
  type Constitution,
  type Invite,
  type InviteRefusal,
  type MembershipVerdict,
  Policy,
  parseInvite,
  verifyMembership,
} from '../../src/constitution/index.ts';
import { askAdmission } from '../host/index.ts';
import type { NodeKeys } from '../identity/index.ts';
import { VillageStateError } from './village-error.ts';
import type { VillageRecord } from './village-files.ts';

/** Errors: INVITE_MALFORMED, INVITE_INVALID. */
export function readInvite(text: string, nowMs: number): Invite {
  const read = parseInvite(text, nowMs);
  if (read.kind === 'invite') return read.invite;
  throw new VillageStateError(
    read.because === 'expired' ? 'INVITE_INVALID' : 'INVITE_MALFORMED',
    INVITE_PROBLEMS[read.because],
    {
      hint: 'ask for a new one: `village invite` on a node of that village',
    },
  );
}

/** Redeems an invite with the node that made it. Errors: INVITE_REFUSED, INVITER_UNREACHABLE. */
export async function redeemInvite(
  invite: Invite,
  keys: NodeKeys,
  { signal, nowMs }: { readonly signal: AbortSignal; readonly nowMs: number },
): Promise<VillageRecord> {
  const { village: villageId, addresses, ticket } = invite;
  const verify = (constitution: Constitution, chain: readonly string[]): MembershipVerdict => {
    const context = { constitution, villageId, policy: new Policy(constitution), nowMs, nodeId: keys.nodeId };
    return verifyMembership(chain, context);
  };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(admission.timeoutMs)]);
  const outcome = await askAdmission(
    { peerSeed: keys.peerSeed, villageId, addresses, protocol: admission, signal: deadline },
    (stream) => redeemTicket(stream, { ticket, issuerKey: keys.issuerX }, { villageId, verify, signal: deadline }),
  ).catch((cause: unknown) => {
    throw new VillageStateError('INVITER_UNREACHABLE', 'the node that made this invite does not answer', {
      cause,
      hint: `it must be running and reachable at ${addresses.join(' or ')}; only it can redeem its invites`,
    });
  });
  if (outcome.kind === 'refused') {
    throw new VillageStateError('INVITE_REFUSED', `the inviter refused: ${ADMISSION_PROBLEMS[outcome.because]}`, {
      hint:
        outcome.because === 'busy' ? 'it did not look at the invite: try again in a minute' : 'ask for a new invite',
    });
  }
  return { constitution: outcome.constitution, chain: outcome.chain, inviterAddresses: addresses };
}

const INVITE_PROBLEMS: Readonly<Record<InviteRefusal, string>> = {
  'not-an-invite': 'this is no invite: one begins with village-invite:',
  'too-large': 'this is far too long for an invite',
  malformed: 'this invite is damaged; was all of it copied?',
  'bad-signature': 'this invite is not signed by the node it names',
  'foreign-village': 'this invite names two villages',
  expired: 'this invite has expired',
};

const ADMISSION_PROBLEMS: Readonly<Record<AdmissionReason, string>> = {
  malformed: 'it did not understand the question',
  foreign: 'the invite is not its own',
  expired: 'the invite has expired',
  'used-up': 'the invite has been used as often as it may',
  'not-inviter': 'it may not invite any more',
  'not-a-member': 'it knows no membership of ours',
  evicted: 'this node was evicted from the village',
  held: 'a voter holds this node back until the others have voted',
  busy: 'it is busy',
};
