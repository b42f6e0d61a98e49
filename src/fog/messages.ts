import { z } from 'zod';
import { ENFORCEMENTS } from './enforcement.ts';
import { END_REASONS, REFUSAL_CODES } from './reasons.ts';
import { Resources } from './resources.ts';
import { ArtifactRef, DeploymentId, Labels, MODES, PRIORITIES, ShardSpec } from './spec.ts';
import { PLACEMENT_STATES, RESERVATION_STATES } from './states.ts';

const Id = z.string().regex(/^[A-Za-z0-9._-]{1,96}$/);
const NodeId = z.string().min(1).max(128);
const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const Count = z.int().nonnegative();
const Ms = z.int().min(0).max(86_400_000);
const Detail = z.string().max(256);
/** Compact JWS; who checks it is the node, not the machine. */
const Jws = z.string().max(16 * 1024);

/** Which attempt at which slot. Who the owner is, the stream's peer says. */
const attempt = {
  deployment: DeploymentId,
  slot: z.int().min(0).max(4_095),
  term: Count,
  epoch: z.int().positive(),
};
/** Whose authority: an agent of the owner's node, by delegation; and the vote's proof where one is needed. */
const authority = {
  agent: z.string().min(1).max(64),
  delegation: Jws.optional(),
  /** A governance certificate, as JSON. */
  receipt: z.unknown().optional(),
};
const Usage = z.strictObject({ cpuMilli: Count, memMib: Count });

/** 1. Asks for an offer. Binds nobody. */
export const Cfp = z.strictObject({
  kind: z.literal('cfp'),
  cfpId: Id,
  specDigest: Digest,
  deployment: DeploymentId,
  slot: z.int().min(0).max(4_095),
  res: Resources,
  priority: z.enum(PRIORITIES),
  mode: z.enum(MODES),
  artifact: ArtifactRef,
  labels: Labels,
  enforcement: z.array(z.enum(ENFORCEMENTS)).max(ENFORCEMENTS.length),
  deadlineMs: Ms,
  agent: authority.agent,
});
/** 2. Says what is free now. Holds nothing. */
export const Offer = z.strictObject({
  kind: z.literal('offer'),
  cfpId: Id,
  offerId: Id,
  free: Resources,
  estStartMs: Ms,
  warm: z.boolean(),
  enforcement: z.array(z.enum(ENFORCEMENTS)).max(ENFORCEMENTS.length),
  /** Whether it would have to stop others for it. */
  preempts: z.boolean(),
  validMs: Ms,
});
export const Refuse = z.strictObject({
  kind: z.literal('refuse'),
  cfpId: Id,
  code: z.enum(REFUSAL_CODES),
  detail: Detail,
  retryAfterMs: Ms.optional(),
});

/** 3. Asks one node to hold. `reservationId` is the owner's and names the row for ever: asking again changes nothing. */
export const Reserve = z.strictObject({
  kind: z.literal('reserve'),
  reservationId: Id,
  ...attempt,
  ...authority,
  spec: ShardSpec,
  ttlMs: Ms,
});
/** 4. Held until `expiresInMs` from when it was first held. An Accept must repeat `bootSeq` and `nonce`. */
export const Reserved = z.strictObject({
  kind: z.literal('reserved'),
  reservationId: Id,
  expiresInMs: Ms,
  gpuIds: z.array(z.string().max(64)).max(64),
  bootSeq: Count,
  nonce: Id,
});
/** 4. Others are being stopped to make room: reserve again, with the same id, when that is over. */
export const Preparing = z.strictObject({
  kind: z.literal('preparing'),
  reservationId: Id,
  bootSeq: Count,
  readyAfterMs: Ms,
});
/** `of` an Accept: the reservation can't come to anything any more. `of` a Reserve: nothing was held then. */
export const Denied = z.strictObject({
  kind: z.literal('denied'),
  of: z.enum(['reserve', 'accept']),
  reservationId: Id,
  code: z.enum(REFUSAL_CODES),
  detail: Detail,
  retryAfterMs: Ms.optional(),
});

/** 5. Run it. The lease counts from when the node sent `nonce`. */
export const Accept = z.strictObject({
  kind: z.literal('accept'),
  reservationId: Id,
  ...attempt,
  ...authority,
  nonce: Id,
  bootSeq: Count,
  leaseMs: z.int().min(1).max(300_000),
  specDigest: Digest,
});
/** 6. */
export const Accepted = z.strictObject({
  kind: z.literal('accepted'),
  reservationId: Id,
  placementId: Id,
  state: z.enum(PLACEMENT_STATES),
  rev: Count,
});

/** 7. */
export const Status = z.strictObject({
  kind: z.literal('status'),
  reservationId: Id,
  placementId: Id,
  ...attempt,
  state: z.enum(PLACEMENT_STATES),
  /** Rises with every change of the placement. */
  rev: Count,
  run: Count,
  reason: z.enum(END_REASONS).optional(),
  detail: Detail.optional(),
  usage: Usage.optional(),
});

/** 8. The holder asks; the lease it gets counts from when it sent `nonce`. */
export const Renew = z.strictObject({
  kind: z.literal('renew'),
  reservationId: Id,
  placementId: Id,
  ...attempt,
  nonce: Id,
  state: z.enum(PLACEMENT_STATES),
  rev: Count,
  usage: Usage.optional(),
});
export const RenewOk = z.strictObject({
  kind: z.literal('renew-ok'),
  placementId: Id,
  nonce: Id,
  leaseMs: z.int().min(1).max(300_000),
});
export const RENEW_REFUSALS = ['superseded', 'released', 'unknown'] as const;
export const RenewNo = z.strictObject({
  kind: z.literal('renew-no'),
  placementId: Id,
  nonce: Id,
  because: z.enum(RENEW_REFUSALS),
});

/** 9. Answered by `released` only after the process has ended; until then by `status`. */
export const Release = z.strictObject({
  kind: z.literal('release'),
  reservationId: Id,
  ...attempt,
  graceMs: Ms,
});
export const Released = z.strictObject({
  kind: z.literal('released'),
  reservationId: Id,
  /** Absent: it never came to one. */
  placementId: Id.optional(),
  ...attempt,
  rev: Count,
  reason: z.enum(END_REASONS),
  detail: Detail,
});

/** 10. The node will stop it then. */
export const NOTICES = ['drain', 'preempt', 'power', 'policy'] as const;
export const Notice = z.strictObject({
  kind: z.literal('notice'),
  reservationId: Id,
  placementId: Id,
  ...attempt,
  because: z.enum(NOTICES),
  deadlineMs: Ms,
});
export const Ack = z.strictObject({ kind: z.literal('ack'), placementId: Id, rev: Count });

/** 11. Gives a reservation back; of one that runs already it is told so, and nothing happens. */
export const Cancel = z.strictObject({ kind: z.literal('cancel'), reservationId: Id });
/** 11. What became of it. */
export const Query = z.strictObject({ kind: z.literal('query'), reservationId: Id });
/** Answers Cancel and Query. `unknown`: it is not here, and an Accept of it would be denied. */
export const Row = z.strictObject({
  kind: z.literal('row'),
  reservationId: Id,
  bootSeq: Count,
  reservation: z.enum([...RESERVATION_STATES, 'unknown']),
  placement: z
    .strictObject({
      placementId: Id,
      state: z.enum(PLACEMENT_STATES),
      rev: Count,
      reason: z.enum(END_REASONS).optional(),
    })
    .optional(),
});

/**
 * A node has started and its sweep is over: nothing that it ran before `bootSeq` lives. Signed where it travels by others;
 * over a stream its peer is proof enough.
 */
export const Hello = z.strictObject({
  kind: z.literal('hello'),
  node: NodeId,
  bootSeq: Count,
  instance: z.string().regex(/^[0-9a-f]{32}$/),
});

export const ToNode = z.discriminatedUnion('kind', [
  Cfp,
  Reserve,
  Accept,
  RenewOk,
  RenewNo,
  Release,
  Cancel,
  Query,
  Ack,
]);
export const ToOwner = z.discriminatedUnion('kind', [
  Offer,
  Refuse,
  Reserved,
  Preparing,
  Denied,
  Accepted,
  Status,
  Renew,
  Released,
  Notice,
  Row,
  Hello,
]);
/** What an owner sends to a node. */
export type ToNode = z.infer<typeof ToNode>;
/** What a node sends to an owner. */
export type ToOwner = z.infer<typeof ToOwner>;
export type Message<K extends (ToNode | ToOwner)['kind']> = Extract<ToNode | ToOwner, { kind: K }>;
