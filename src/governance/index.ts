export { callsToBegin } from './calls.ts';
export { Attention, type SigningClock } from './attention.ts';
export { Certificate, historyOf } from './certificate.ts';
export { type CertificateRefusal, type CertificateVerdict, verifyCertificate } from './verify-certificate.ts';
export {
  Action,
  type Choice,
  type CommitBody,
  type FenceBody,
  GENESIS,
  type HoldBody,
  type OverrideBody,
  PROPOSAL_TYPES,
  ProposalBody,
  type ProposalType,
  questionOf,
  ratificationOf,
  RuleChanges,
  type SetAction,
  type VoteBody,
} from './body.ts';
export { type OpenedStatement, openStatement, statementInput } from './codec.ts';
export { type Act, decideToSign, signingObstacle } from './decide-to-sign.ts';
export { type SigningContext, type SigningRule } from './signing-context.ts';
export type { Closing, Epoch, EpochEnd } from './epochs.ts';
export { type Folded, fold } from './fold.ts';
export { isSoundKey, thumbprint } from './key.ts';
export { isKeyProof, type KeyProof, keyProofInput } from './key-proof.ts';
export { leastType } from './least-type.ts';
export { Ledger } from './ledger.ts';
export { type Count, type Outcome, outcomeOf } from './outcome.ts';
export type { Question } from './question.ts';
export { type Counted, referenceTally } from './reference-tally.ts';
export type { Rules } from './rules.ts';
export { prospect } from './stands.ts';
export {
  type Payload,
  type PayloadOf,
  type Statement,
  type StatementKind,
  type StatementOf,
} from './statement.ts';
export type { Rule, Switches } from './switches.ts';
export type {
  Decision,
  Effect,
  Evidence,
  IngestResult,
  InvalidProposal,
  LogHead,
  OverlayEntry,
  ParkReason,
  PolicyEntry,
  PolicyState,
  ProposalView,
  StatementRefusal,
} from './views.ts';
