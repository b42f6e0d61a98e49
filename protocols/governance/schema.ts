import { z } from 'zod';

/** What limits the protocol, stated beside its name. */
export const GOVERNANCE = {
  name: 'governance/1',
  /** Of any message. An ask and an announcement are bounded more tightly below. */
  maxMessageBytes: 512 * 1024,
  timeoutMs: 5_000,
  maxInboundStreams: 4,
} as const;

export const MAX_STATEMENT_BYTES = 64 * 1024;
export const MAX_ASK_BYTES = 256 * 1024;
/** One statement, or one receipt with the four longest credentials, and what stands around them. */
export const MAX_ANNOUNCEMENT_BYTES = MAX_STATEMENT_BYTES + 1024;
/** Room in a page for what stands around its content. */
export const PAGE_ROOM_BYTES = 1_024;
export const MAX_PAGE_STATEMENTS = 1_024;
export const MAX_PAGE_RECEIPTS = 256;
/** Sequence numbers in one block of a log. */
export const BLOCK_SEQS = 256;
export const MAX_LOGS = 64;
export const MAX_BLOCKS = 1_024;
/** Ids that an ask names one by one, a log. */
export const MAX_TAIL = 1_024;
export const MAX_RECEIPT_BYTES = 24 * 1024;
export const MAX_REQUEST_BYTES = 16 * 1024;
const MAX_CREDENTIAL_BYTES = 2_048;
const MAX_CREDENTIALS = 4;
/** Hex digits by which a block, or a statement of the last block, is named. */
export const DIGEST_LENGTH = 32;
export const SHORT_ID_LENGTH = 16;

const Jws = (maxBytes: number) =>
  z
    .string()
    .max(maxBytes)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);
export const Statement = Jws(MAX_STATEMENT_BYTES);
const LogName = z.string().regex(/^[\w.@-]{1,64}$/);
const Seq = z.int().nonnegative();
const Digest = z.string().regex(/^[0-9a-f]{32}$/);
const ShortId = z.string().regex(/^[0-9a-f]{16}$/);
const PeerId = z.string().min(46).max(64);
const Chain = z.array(Jws(MAX_CREDENTIAL_BYTES)).max(MAX_CREDENTIALS);

/** What the asker holds of one voter's log: whole blocks by digest, the last block by the ids in it. */
export const Held = z.strictObject({
  blocks: z.array(z.tuple([Seq, Digest])).max(MAX_BLOCKS),
  tail: z.array(ShortId).max(MAX_TAIL),
});
export type Held = z.infer<typeof Held>;

/** Where a page ended: log, sequence number, id. */
export const Cursor = z.strictObject({ log: LogName, seq: Seq, id: z.string().regex(/^[0-9a-f]{64}$/) });
export type Cursor = z.infer<typeof Cursor>;

export const AskStatements = z.strictObject({
  v: z.literal(1),
  ask: z.literal('statements'),
  held: z.record(LogName, Held).refine((logs) => Object.keys(logs).length <= MAX_LOGS, `at most ${MAX_LOGS} logs`),
  after: Cursor.optional(),
});
export const AskReceipts = z.strictObject({
  v: z.literal(1),
  ask: z.literal('receipts'),
  /** Over the hashes of all receipts that the asker holds. */
  digest: Digest.optional(),
  after: PeerId.optional(),
});
/** A call that needs a vote and has no voter to propose it. */
export const AskSponsor = z.strictObject({
  v: z.literal(1),
  ask: z.literal('sponsor'),
  request: Jws(MAX_REQUEST_BYTES),
});
export const Ask = z.discriminatedUnion('ask', [AskStatements, AskReceipts, AskSponsor]);
export type Ask = z.infer<typeof Ask>;

export const StatementPage = z.strictObject({
  v: z.literal(1),
  statements: z.array(Statement).max(MAX_PAGE_STATEMENTS),
  next: Cursor.optional(),
});
export type StatementPage = z.infer<typeof StatementPage>;

/** A node's signed word on which decisions are in force there, with the credentials that make the node a member. */
export const CarriedReceipt = z.strictObject({ receipt: Jws(MAX_RECEIPT_BYTES), chain: Chain });
export type CarriedReceipt = z.infer<typeof CarriedReceipt>;

export const ReceiptPage = z.strictObject({
  v: z.literal(1),
  receipts: z.array(CarriedReceipt).max(MAX_PAGE_RECEIPTS),
  next: PeerId.optional(),
});
export type ReceiptPage = z.infer<typeof ReceiptPage>;

/** The proposal that a voter of that node signed for it, or why none did. */
export const SponsorReply = z.union([
  z.strictObject({ v: z.literal(1), proposal: Statement }),
  z.strictObject({ v: z.literal(1), refused: z.enum(['no-voter', 'bad-request', 'no-vote-needed', 'rate', 'busy']) }),
]);
export type SponsorReply = z.infer<typeof SponsorReply>;

/** Gossiped: one statement of a voter, or one receipt. */
export const Announcement = z.union([
  z.strictObject({ v: z.literal(1), statement: Statement }),
  z.strictObject({ v: z.literal(1), receipt: Jws(MAX_RECEIPT_BYTES), chain: Chain }),
]);
export type Announcement = z.infer<typeof Announcement>;
