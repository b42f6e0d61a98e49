import { z } from 'zod';
import {
  CommitBody,
  FenceBody,
  HoldBody,
  HomeBody,
  OverrideBody,
  ProposalBody,
  RevokeBody,
  VoteBody,
  WithdrawBody,
} from './body.ts';

export const STATEMENT_TYP = 'village-gov+jws';
/** Of the whole token, in characters. */
export const MAX_STATEMENT_BYTES = 64 * 1024;

/** What every statement says besides its body. */
const envelope = {
  v: z.literal(1),
  /** The village's id. */
  net: z.string().regex(/^[0-9a-f]{64}$/),
  /** Epoch: how often the electorate or its rules changed before. */
  ep: z.int().nonnegative(),
  voter: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/),
  /** Place in the log of the signing key, from 1. */
  seq: z.int().positive(),
  /** Id of the statement before it in that log; null for the first. */
  prev: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** The signer's clock, milliseconds since 1970, never going back. Information: it decides nothing. */
  ts: z.int().nonnegative(),
};

export const Payload = z.discriminatedUnion('kind', [
  z.strictObject({ ...envelope, kind: z.literal('proposal'), body: ProposalBody }),
  z.strictObject({ ...envelope, kind: z.literal('vote'), body: VoteBody }),
  z.strictObject({ ...envelope, kind: z.literal('commit'), body: CommitBody }),
  z.strictObject({ ...envelope, kind: z.literal('fence'), body: FenceBody }),
  z.strictObject({ ...envelope, kind: z.literal('override'), body: OverrideBody }),
  z.strictObject({ ...envelope, kind: z.literal('revoke'), body: RevokeBody }),
  z.strictObject({ ...envelope, kind: z.literal('withdraw'), body: WithdrawBody }),
  z.strictObject({ ...envelope, kind: z.literal('hold'), body: HoldBody }),
  z.strictObject({ ...envelope, kind: z.literal('home'), body: HomeBody }),
]);
export type Payload = z.infer<typeof Payload>;
export type StatementKind = Payload['kind'];
export type PayloadOf<K extends StatementKind> = Extract<Payload, { kind: K }>;

/** A signed statement whose form and signature were checked. Whether it counts depends on what else is known. */
export interface Statement<P extends Payload = Payload> {
  /** SHA-256 of the ASCII of `protected.payload`, hex. */
  readonly id: string;
  readonly token: string;
  /** RFC 7638 thumbprint of the signing key: the name of its log. */
  readonly kid: string;
  readonly payload: P;
}
export type StatementOf<K extends StatementKind> = Statement<PayloadOf<K>>;
