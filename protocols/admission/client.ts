import type { Stream } from '@libp2p/interface';
import { type Constitution, type MembershipVerdict, villageIdOf } from '../../src/constitution/index.ts';
import { type AdmissionReason, type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { Answer, admission } from './schema.ts';

export type Admission =
  | { readonly kind: 'granted'; readonly constitution: Constitution; readonly chain: readonly string[] }
  | { readonly kind: 'refused'; readonly because: AdmissionReason };
export type Renewal =
  | { readonly kind: 'renewed'; readonly chain: readonly string[] }
  | { readonly kind: 'refused'; readonly because: AdmissionReason };

export interface RedeemOptions extends Deadline {
  /** The village that the invite names: the constitution that comes must have this hash. */
  readonly villageId: string;
  /** Whether `chain` makes us a member under `constitution`. */
  verify(constitution: Constitution, chain: readonly string[]): MembershipVerdict;
}

/**
 * The newcomer's half. Errors: WireError; WIRE_MALFORMED also when what was granted proves nothing.
 */
export async function redeemTicket(
  stream: Stream,
  ask: { readonly ticket: string; readonly issuerKey: string },
  { villageId, verify, signal }: RedeemOptions,
): Promise<Admission> {
  const answer = await question(
    stream,
    { v: 1, kind: 'redeem', ticket: ask.ticket, issuer_key: ask.issuerKey },
    signal,
  );
  if (answer.kind === 'refused') return { kind: 'refused', because: answer.because };
  if (answer.kind !== 'granted') throw malformed('a renewal in answer to a ticket');
  const { constitution, chain } = answer;
  // Spec admission/R6: the inviter is believed in nothing that the invite's village id and the signatures do not prove.
  if (villageIdOf(constitution) !== villageId) throw malformed('the constitution of another village');
  if (verify(constitution, chain).kind === 'refused') throw malformed('a chain that proves nothing');
  return { kind: 'granted', constitution, chain };
}

/** A member's half: the same rights for longer. Errors: as redeemTicket. */
export async function renewCredential(
  stream: Stream,
  ask: { readonly chain: readonly string[]; readonly issuerKey: string },
  { verify, signal }: Deadline & { verify(chain: readonly string[]): MembershipVerdict },
): Promise<Renewal> {
  const message = { v: 1, kind: 'renew', chain: ask.chain, issuer_key: ask.issuerKey };
  const answer = await question(stream, message, signal);
  if (answer.kind === 'refused') return { kind: 'refused', because: answer.because };
  if (answer.kind !== 'renewed') throw malformed('an admission in answer to a renewal');
  if (verify(answer.chain).kind === 'refused') throw malformed('a chain that proves nothing');
  return { kind: 'renewed', chain: answer.chain };
}

async function question(stream: Stream, ask: unknown, signal: AbortSignal): Promise<Answer> {
  const wire = jsonStream(stream, admission);
  await wire.write(ask, { signal });
  const answer = await wire.read(Answer, { signal });
  await wire.close({ signal });
  return answer;
}

function malformed(what: string): WireError {
  return new WireError('WIRE_MALFORMED', `the inviter sent ${what}`);
}
