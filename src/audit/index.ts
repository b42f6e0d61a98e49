export { ACCEPTED_LOSS, AUDIT_ACCEPTANCE_TYPE, type AuditAcceptance, verifyAcceptance } from './acceptance.ts';
export {
  AUDIT_ANCHOR_TYPE,
  type AuditAnchor,
  anchorOf,
  type Anchored,
  openAnchor,
  type VerifiedAnchor,
  verifyAnchor,
} from './anchor.ts';
export { bounded } from './bounded.ts';
export { genesisHash, linkHash, openRecord } from './chain.ts';
export { AUDIT_CHECKPOINT_TYPE, type AuditCheckpoint, verifyCheckpoint } from './checkpoint.ts';
export { redactedContent } from './content.ts';
export {
  AUDIT_KINDS,
  AUDIT_OUTCOMES,
  type AuditEntry,
  type AuditKind,
  type AuditOutcome,
  type AuditRecord,
  EMPTY_RECORD,
} from './entry.ts';
export { FLOOD_LIMITS, FloodGate, type FloodLimits, mayFlood } from './flood.ts';
export { AUDIT_HEAD_TYPE, type AuditHead, verifyHead } from './head.ts';
export {
  CHECKPOINT,
  CHECKPOINTS,
  contradictedHeadKey,
  ENTRY_KEYS,
  entryKey,
  HEAD_KEYS,
  headKey,
  NEWEST_HEAD,
  NEWEST_HEADS,
  seqOfKey,
} from './keys.ts';
export { type DecodedEntry, decodeEntry, encodeEntry } from './line.ts';
export { CallMatcher, type Compared, type Match, type Mismatch } from './match.ts';
export { type Receipt, receiptOf } from './receipt.ts';
export { type LogLines, SealedLines } from './sealed-lines.ts';
export {
  type BreakKind,
  type ChainBreak,
  type ChainReport,
  type ChainStart,
  ChainVerifier,
  HEAD_EVERY,
  type Witnessed,
  type WitnessedEntry,
} from './verify.ts';
export type { AcceptedLoss } from './witness-words.ts';
export { type Contradiction, type HeadVerdict, type HeldHead, judgeHead, thinned } from './witness.ts';
