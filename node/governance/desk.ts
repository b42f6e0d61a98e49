import type { Constitution } from '../../src/constitution/index.ts';
import type { HoldBody, RuleChanges } from '../../src/governance/index.ts';
import type { BroughtView, PolicyRow, RulesView, ProposalView, TimelineEntry, VoteWord } from './views.ts';

/** Who acts: an agent as the pipeline proved it. */
export interface Actor {
  readonly agentId: string;
  /** The node that vouches for it. */
  readonly homeNode: string;
  /** When its token was issued, milliseconds since 1970. */
  readonly issuedAtMs: number;
}

/** The normal no, with what the caller can do about it. */
export interface ActRefusal {
  readonly code: string;
  readonly message: string;
  /** The very same call may succeed then. */
  readonly retryAfterMs?: number | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

export type Acted<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: ActRefusal };

export interface ProposeRequest {
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly configUpdates: Readonly<Record<string, unknown>>;
  /** An overlay entry that is to end. */
  readonly revoke?: string | undefined;
  /** A change of who decides, or how. */
  readonly change?: RulesRequest | undefined;
  readonly impact?: Readonly<Record<string, unknown>> | undefined;
  readonly autoVote: boolean;
  readonly signedStatement?: string | undefined;
}

/**
 * `expel`: a voter who contradicted itself, with the proof that this node keeps. `recover`: another key for a voter who lost its own;
 * first the intent, and the same again when that is approved. `amend`: any other rule, with a proof of each new key.
 */
export type RulesRequest =
  | { readonly kind: 'expel'; readonly voter: string }
  | { readonly kind: 'recover'; readonly voter: string; readonly key: string; readonly proof: string }
  | { readonly kind: 'amend'; readonly changes: RuleChanges; readonly proofs: readonly string[] };

/** What one voter does at once, until the others have voted on it. */
export interface HoldRequest {
  readonly target: HoldBody['target'];
  readonly justification: string;
  readonly signedStatement?: string | undefined;
}

/** A voter's own open proposal, or what it put in force alone. */
export interface TakeBackRequest {
  readonly id: string;
  readonly signedStatement?: string | undefined;
}

/** A tool call that needs a vote. */
export interface CallRequest {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The type of proposal that the matrix asks for. */
  readonly type: string;
}

export interface VoteRequest {
  readonly proposalId: string;
  readonly vote: VoteWord;
  readonly reasoning: string;
  readonly conditions: readonly string[];
  /** Commit at once. */
  readonly final: boolean;
  readonly signedStatement?: string | undefined;
}

export interface OverrideRequest {
  readonly proposalId: string;
  readonly action: 'approve' | 'suppress';
  readonly justification: string;
  readonly signedStatement?: string | undefined;
}

export interface PolicyFilter {
  readonly key?: string | undefined;
  readonly category?: string | undefined;
  readonly includeHistory?: boolean | undefined;
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** W3C trace context of the call by which it was asked for. */
  readonly traceparent?: string | undefined;
}

/** What governance does for agents and operators of this node. Refusals are values; it rejects only where the disk or a part of ours failed. */
export interface GovernanceDesk {
  readonly constitution: Constitution;
  readonly villageId: string;
  /** The least type of a proposal that may decide these. */
  leastType(configUpdates: Readonly<Record<string, unknown>>): string;
  propose(request: ProposeRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>>;
  vote(request: VoteRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>>;
  override(
    request: OverrideRequest,
    by: Actor,
    options: WaitOptions,
  ): Promise<Acted<{ readonly entryId: string; readonly proposal: ProposalView }>>;
  /** Answers the question whether it stays. */
  hold(request: HoldRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>>;
  /** What is held back now. */
  held(kind: HoldBody['target']['kind']): ReadonlySet<string>;
  /** Answers what became of it. */
  takeBack(request: TakeBackRequest, by: Actor, options: WaitOptions): Promise<Acted<ProposalView>>;
  rules(): RulesView;
  /** How each epoch so far ended, as plain JSON that certificates carry. */
  history(): readonly unknown[];
  /** The operator vouches that this disk holds all that the voter signed. False: there was no doubt. */
  resume(voter: string): Promise<boolean>;
  /** Takes in what any voter signed, whoever brings it. */
  bring(token: string): Promise<BroughtView>;
  /** Newest first. */
  proposals(filter?: { readonly open?: boolean | undefined }): readonly ProposalView[];
  /** By id, or a beginning of one that is long enough to mean only one. */
  proposal(id: string): ProposalView | undefined;
  timeline(id: string): readonly TimelineEntry[];
  policies(filter: PolicyFilter): readonly PolicyRow[];
  /** The proof of a decision, as plain JSON; undefined: unknown or undecided. */
  certificate(id: string): Readonly<Record<string, unknown>> | undefined;
  /** `proposals`, `policy`, or `certificates/ID` has changed. */
  onChange(listener: (what: string) => void): () => void;
}
