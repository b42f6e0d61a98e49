import { z } from 'zod';
import { REASONS } from '../wire/index.ts';

export const hello = {
  name: 'hello/1',
  maxMessageBytes: 16 * 1024,
  timeoutMs: 5_000,
  maxInboundStreams: 2,
  open: true,
} as const;

const MAX_CHAIN = 4;
const MAX_PROTOCOLS = 32;

const introduction = {
  v: z.literal(1),
  /** SHA-256 of the village id, hex: says which village without naming it. */
  village: z.string().regex(/^[0-9a-f]{64}$/),
  /** Membership credentials, leaf first; empty for the founder. */
  chain: z.array(z.string().min(1).max(4096)).max(MAX_CHAIN),
  /** Protocol name → revisions spoken. */
  protocols: z
    .record(z.string().regex(/^[a-z][a-z-]{0,31}$/), z.array(z.int().min(1).max(65_535)).min(1).max(8))
    .refine((protocols) => Object.keys(protocols).length <= MAX_PROTOCOLS, `at most ${MAX_PROTOCOLS} protocols`),
  /** Rises by one with every start of the node. */
  boot_seq: z.int().nonnegative(),
  /** The sender's clock, milliseconds since 1970. */
  now_ms: z.int().nonnegative(),
};

/** What each side says of itself. */
export const Introduction = z.strictObject({ kind: z.literal('hello'), ...introduction });
export type Introduction = z.infer<typeof Introduction>;

export const Refused = z.strictObject({ v: z.literal(1), kind: z.literal('refused'), because: z.enum(REASONS.hello) });
export const Ack = z.strictObject({ v: z.literal(1), kind: z.literal('ack') });

/** The responder's answer. */
export const Answer = z.discriminatedUnion('kind', [Introduction, Refused]);
/** The dialer's last word. */
export const Verdict = z.discriminatedUnion('kind', [Ack, Refused]);
