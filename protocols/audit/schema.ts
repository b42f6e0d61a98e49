import { z } from 'zod';

/** What limits the protocol, stated beside its name. */
export const AUDIT = {
  name: 'audit/1',
  /** Of an answer; a request is bounded more tightly below. */
  maxMessageBytes: 160 * 1024,
  timeoutMs: 5_000,
  maxInboundStreams: 4,
} as const;

export const MAX_ASK_BYTES = 2 * 1024;
/** Heads of one node that a witness tells it of. */
export const MAX_ANCHORS = 48;
const MAX_HEAD_BYTES = 1_024;
const MAX_ANCHOR_BYTES = 2_048;

const Jws = (maxBytes: number) =>
  z
    .string()
    .max(maxBytes)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);
const Head = Jws(MAX_HEAD_BYTES);
const Anchored = z.strictObject({ head: Head, anchor: Jws(MAX_ANCHOR_BYTES) });

/** Without a head: what do you hold of mine? With one: countersign it. */
export const Ask = z.strictObject({ v: z.literal(1), head: Head.optional() });
export type Ask = z.infer<typeof Ask>;

/**
 * `held`: what is held of the asker, oldest first; of very many, some of each time. `anchored`: the head is on disk here, with the countersignature. `stale`: a
 * newer one is held. `contradicts`: it cannot be of the same log as `against`. `refused`: not a head of the asker, or too many.
 */
export const Answer = z.discriminatedUnion('outcome', [
  z.strictObject({ v: z.literal(1), outcome: z.literal('held'), anchors: z.array(Anchored).max(MAX_ANCHORS) }),
  z.strictObject({ v: z.literal(1), outcome: z.literal('anchored'), anchor: Jws(MAX_ANCHOR_BYTES) }),
  z.strictObject({ v: z.literal(1), outcome: z.literal('contradicts'), against: Anchored }),
  z.strictObject({ v: z.literal(1), outcome: z.enum(['stale', 'refused']) }),
]);
export type Answer = z.infer<typeof Answer>;
