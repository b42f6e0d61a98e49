import { z } from 'zod';
import { Constitution } from '../../src/constitution/index.ts';
import { fromBase64Url } from '../../src/kernel/index.ts';
import { REASONS } from '../wire/index.ts';

export const admission = {
  name: 'admission/1',
  // A constitution names thousands of agents at most.
  maxMessageBytes: 1024 * 1024,
  timeoutMs: 10_000,
  maxInboundStreams: 1,
  open: true,
} as const;

/** What a stranger may send: a ticket or four credentials, no more. */
export const MAX_ASK_BYTES = 16 * 1024;

const Key = z.string().refine((key) => fromBase64Url(key)?.length === 32, 'a raw Ed25519 key, base64url');
const Chain = z.array(z.string().min(1).max(4096)).max(4);

export const Redeem = z.strictObject({
  v: z.literal(1),
  kind: z.literal('redeem'),
  /** The ticket of an invite, as it was given. */
  ticket: z.string().min(1).max(4096),
  /** The public key that will sign the newcomer's tokens and delegations. */
  issuer_key: Key,
});
export type Redeem = z.infer<typeof Redeem>;

export const Renew = z.strictObject({
  v: z.literal(1),
  kind: z.literal('renew'),
  /** The credentials that are still valid, leaf first. */
  chain: Chain,
  issuer_key: Key,
});
export type Renew = z.infer<typeof Renew>;

export const Ask = z.discriminatedUnion('kind', [Redeem, Renew]);
export type Ask = z.infer<typeof Ask>;

export const Granted = z.strictObject({
  v: z.literal(1),
  kind: z.literal('granted'),
  /** Its hash is the village's id. */
  constitution: Constitution,
  /** The new credential first, then the inviter's own chain. */
  chain: Chain.min(1),
});
export const Renewed = z.strictObject({ v: z.literal(1), kind: z.literal('renewed'), chain: Chain.min(1) });
export const Refused = z.strictObject({
  v: z.literal(1),
  kind: z.literal('refused'),
  because: z.enum(REASONS.admission),
});
export const Answer = z.discriminatedUnion('kind', [Granted, Renewed, Refused]);
export type Answer = z.infer<typeof Answer>;
