/** The protocol as a value: one long-lived stream per pair of nodes carries every MCP call between them. */
export const mcp = {
  name: 'mcp/1',
  /** The largest message (one call, one result), put together from its chunks. */
  maxMessageBytes: 8 * 1024 * 1024,
  /** To open the stream; each call has its own deadline. */
  timeoutMs: 5_000,
  maxInboundStreams: 4,
} as const;

export const LIMITS = {
  /** A message up to this goes in one frame; a longer one in chunks of this size. */
  chunkBytes: 32 * 1024,
  /** The largest payload of one frame: a chunk and the head of its message. */
  maxFramePayloadBytes: 40 * 1024,
  /** Bytes of half-sent messages, as announced; a sender starts no chunked message beyond it, a receiver hangs up. */
  maxHalfBytes: 40 * 1024 * 1024,
  /** Messages over a mebibyte that a sender has half sent at once, so that smaller ones always find room. */
  maxHalfHuge: 4,
  maxHalfMessages: 256,
  /** Bytes waiting to be written above which new calls are refused, both ways, and related messages and notices dropped. */
  busyQueueBytes: 32 * 1024 * 1024,
  /** Above this a result is not kept for a reader this slow: it ends as `unknown`. */
  maxQueueBytes: 64 * 1024 * 1024,
  maxInFlight: 256,
  /** Delegations held at a time; the one presented longest ago makes room. */
  maxDelegations: 1024,
  /** Delegations looked at in a second (each costs signature checks). */
  maxDelegationsPerSecond: 256,
  maxDelegationBytes: 16 * 1024,
  /** A call id is remembered for at least this many accepted calls, or for a delegation's whole life. */
  replayWindowCalls: 32 * 1024,
  replayWindowMs: 65_000,
  maxServerBytes: 64,
  maxTargetBytes: 2048,
  maxTraceparentBytes: 64,
  maxReasonBytes: 64,
  maxTopicBytes: 64,
  maxNoticeBytes: 16 * 1024,
  /** What one call's server may ask at a time of its caller's client. */
  maxQuestions: 8,
  pingEveryMs: 3_000,
  /** Nothing heard for so long: the peer is gone. */
  deadAfterMs: 8_000,
  /** How often a session that waits for answers is looked at. */
  watchEveryMs: 250,
  /** Nothing heard for so long while answers are owed: it is pinged. */
  quietMs: 500,
  /** Nothing heard for so long, and at so many looks after that ping: what may run twice is taken elsewhere. */
  silentAfterMs: 1_500,
  silentAfterLooks: 4,
} as const;

/** Frame types. */
export const TYPE = {
  DELEGATE: 1,
  CALL: 2,
  RESULT: 3,
  RELATED: 4,
  CANCEL: 5,
  PING: 6,
  PONG: 7,
  NOTICE: 8,
  REFUSE: 9,
  GOAWAY: 10,
  REQUEST: 11,
  REPLY: 12,
} as const;

/** More chunks of this message follow. */
export const MORE = 0x80;
/** This is not the first chunk. */
export const CONTINUED = 0x40;
export const TYPE_MASK = 0x3f;

/** Why a call was not started; its place in the list is its byte on the wire, so the list only grows at its end. */
export const REFUSALS = [
  'malformed',
  'unknown-delegation',
  'delegation-expired',
  'delegation-refused',
  'busy',
  'draining',
  'too-large',
  'replayed',
  'hash-mismatch',
  'deadline-passed',
] as const;
export type RefuseReason = (typeof REFUSALS)[number];

/** How a call ended; its place is its number on the wire. */
export const OUTCOMES = ['ok', 'tool_error', 'failed', 'unknown', 'denied'] as const;
export type CallOutcome = (typeof OUTCOMES)[number];

export const ERAS = ['session', 'stateless'] as const;
export type CallEra = (typeof ERAS)[number];
