import { z } from 'zod';

/** What limits the protocol, stated beside its name. */
export const REVOCATION = {
  name: 'revocation/1',
  /** Of any message. A request and an announcement are bounded more tightly below. */
  maxMessageBytes: 256 * 1024,
  timeoutMs: 5_000,
  maxInboundStreams: 4,
} as const;

export const MAX_ASK_BYTES = 512;
/** One statement and the four longest credentials, and what stands around them. */
export const MAX_ANNOUNCEMENT_BYTES = 12 * 1024;
/** Room in a page for what stands around statements and chains. */
export const PAGE_ROOM_BYTES = 1024;
export const MAX_STATEMENTS = 1_024;
export const MAX_STATEMENT_BYTES = 1_024;
const MAX_CREDENTIAL_BYTES = 2_048;
const MAX_CREDENTIALS = 4;

/** SHA-256 of a statement, hex: its name. */
const Id = z.string().regex(/^[0-9a-f]{64}$/);
const Jws = (maxBytes: number) =>
  z
    .string()
    .max(maxBytes)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);
const Statement = Jws(MAX_STATEMENT_BYTES);
const Chain = z.array(Jws(MAX_CREDENTIAL_BYTES)).max(MAX_CREDENTIALS);

/** Gossiped: one statement, and the membership chain of the node that signed it (empty for an agent, and for the founder). */
export const Announcement = z.strictObject({ v: z.literal(1), statement: Statement, chain: Chain });

/** `after`: the last id of the page before. `digest`: over everything that the asker holds. */
export const Ask = z.strictObject({ v: z.literal(1), after: Id.optional(), digest: Id.optional() });
export type Ask = z.infer<typeof Ask>;

/** Statements in the order of their ids; the chains of those nodes among their signers that the answerer knows. `next`: more follow. */
export const Page = z.strictObject({
  v: z.literal(1),
  statements: z.array(Statement).max(MAX_STATEMENTS),
  chains: z.record(z.string().min(1).max(128), Chain),
  next: Id.optional(),
});
export type Page = z.infer<typeof Page>;

/** A statement as it travels: with what proves its signer to those who never met it. */
export interface Carried {
  /** Compact JWS. */
  readonly statement: string;
  /** Membership chain of the node that signed, leaf first; undefined: not known to who carries it. */
  readonly chain: readonly string[] | undefined;
}
