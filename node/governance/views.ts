/** Words on the wire. `created`: nobody voted yet. `executed`: approved, and its call has run. */
export type ProposalStatus =
  | 'created'
  | 'voting_ongoing'
  | 'approved'
  | 'rejected'
  | 'expired'
  | 'superseded'
  | 'suppressed'
  | 'executed'
  | 'failed';

export type VoteWord = 'approve' | 'reject' | 'abstain';

export interface VoteView {
  readonly vote: VoteWord;
  readonly reasoning: string;
  /** Recorded, and then the vote is not counted. */
  readonly conditions?: readonly string[] | undefined;
  /** Committed: it cannot be changed any more. */
  readonly final: boolean;
  readonly at: string;
}

/** A proposal as this node knows it. Times are ISO 8601 instants by the clock of whoever signed. */
export interface ProposalView {
  readonly proposal_id: string;
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly proposer: string;
  readonly status: ProposalStatus;
  readonly reason?: string | undefined;
  /** Whose votes count. */
  readonly voters: readonly string[];
  readonly required_votes: number;
  readonly votes_for: number;
  readonly votes_against: number;
  readonly abstentions: number;
  /** Its deadline has passed and too few voters have signed: it is not enforced. */
  readonly overdue: boolean;
  /** A voter signed two different things: the proof is kept. */
  readonly disputed: boolean;
  readonly created_at: string;
  readonly voting_deadline: string;
  readonly proposed_changes: Readonly<Record<string, unknown>>;
  readonly impact_assessment?: unknown;
  readonly votes: Readonly<Record<string, VoteView>>;
  /** With what `certificates/{id}` proves it; undefined while nothing is decided. */
  readonly certificate_id?: string | undefined;
  /** The result of the call that it approved. */
  readonly execution?: unknown;
}

export interface TimelineEntry {
  readonly at: string;
  readonly by: string;
  readonly what: string;
}

export interface PolicyHistory {
  readonly value: unknown;
  readonly version: number;
  readonly decided_by: string;
}

/** One policy key as it is in force here. `decided_by`: a proposal, or `genesis`. */
export interface PolicyRow {
  readonly key: string;
  readonly value: unknown;
  /** The part of this program that goes by it; null: nothing here acts on it. */
  readonly read_by: string | null;
  readonly version: number;
  readonly decided_by: string;
  readonly certificate_id: string | null;
  /** The nodes that signed that they have it in force. */
  readonly applied_by: readonly string[];
  /** An override or emergency lies over the voted value. */
  readonly overlay?: string | undefined;
  readonly history?: readonly PolicyHistory[] | undefined;
}

/** Who decides in this epoch. */
export interface RulesView {
  readonly village_id: string;
  readonly epoch: number;
  /** The change that made the epoch, or `genesis`. */
  readonly base: string;
  readonly overseer: string | null;
  readonly thresholds: Readonly<Record<string, number>>;
  /** Raw public key, base64url; `next`: the envelope of the next statement as far as this node knows the voter's log. */
  readonly voters: Readonly<Record<string, { readonly key: string; readonly next: Readonly<Record<string, unknown>> }>>;
}

/** What came of a statement that was brought. `waits`: it may count when more is known. */
export interface BroughtView {
  readonly id: string;
  readonly status: 'taken' | 'known' | 'waits' | 'refused';
}
