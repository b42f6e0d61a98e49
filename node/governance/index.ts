export type {
  Acted,
  ActRefusal,
  Actor,
  CallRequest,
  GovernanceDesk,
  HoldRequest,
  OverrideRequest,
  PolicyFilter,
  ProposeRequest,
  VoteRequest,
  WaitOptions,
} from './desk.ts';

export type { RunCall } from './voted-calls.ts';
export { Governance } from './governance.ts';
export { policyOnDisk } from './policy-of.ts';
export { CATEGORIES } from './policy-rows.ts';
export type { GovernanceClock, GovernanceHost, GovernanceVillage, VoterKeys } from './ports.ts';
export { markRestored } from './resumption.ts';
export { tracedDesk } from './traced-desk.ts';
export { SignerState, stateOnDisk, writeNeed } from './signer-state.ts';
export type { BroughtView, RulesView, PolicyRow, ProposalView, TimelineEntry } from './views.ts';
