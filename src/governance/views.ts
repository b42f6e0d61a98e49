import type { PolicyValue } from '../constitution/index.ts';
import type { Action, Choice, HoldBody, ProposalBody, ProposalType } from './body.ts';
import type { Outcome } from './outcome.ts';
import type { Statement, StatementOf } from './statement.ts';

/** A proposal with what is known of it. */
export interface ProposalView {
  readonly id: string;
  readonly proposer: string;
  readonly ep: number;
  readonly createdAtMs: number;
  readonly body: ProposalBody;
  /** How many approving commits decide it, and of how many voters. */
  readonly required: number;
  readonly voters: readonly string[];
  readonly outcome: Outcome;
  /** Why it can't be decided, when the outcome is `invalid`. */
  readonly invalid?: InvalidProposal | undefined;
  /** `in-force`, or `superseded` by a decision that outranks it; absent while it is not approved. */
  readonly standing?: 'in-force' | 'superseded' | 'suppressed' | undefined;
  /** All of its rejecting commits abstain. */
  readonly expired: boolean;
  readonly withdrawn: boolean;
  /** The latest preference of each voter, with reasoning. Display and support only. */
  readonly votes: Readonly<Record<string, StatementOf<'vote'>>>;
  /** Every distinct value each voter is known to have committed: two or more is equivocation. */
  readonly commits: Readonly<Record<string, readonly Choice[]>>;
}

export type InvalidProposal = 'deadline' | 'type-too-low' | 'not-the-overseer' | 'not-for-emergencies' | 'bad-change';

/** What was decided. Its id is the proposal's: any valid set of commits proves the same decision. */
export interface Decision {
  readonly id: string;
  readonly ep: number;
  readonly type: ProposalType;
  readonly actions: readonly Action[];
}

/** Two statements by one key that can't both be honest. Verifies by itself. */
export interface Evidence {
  readonly kid: string;
  readonly voter: string;
  /** `register`: two values for one question, or two fences of one kind. `log`: two statements with one number, an alarm and no more. */
  readonly about: 'register' | 'log';
  readonly statements: readonly [Statement, Statement];
}

/** One entry of the overlay: what one voter put in force at once, until the others say otherwise. */
export interface OverlayEntry {
  /** Of the override or hold statement; of the proposal for an emergency action. Votes on it say `ratifies: true`. */
  readonly id: string;
  readonly kind: 'emergency' | 'approve' | 'suppress' | 'hold';
  /** The epoch it was laid in: whose voters ratify it. */
  readonly ep: number;
  readonly by: string;
  readonly ts: number;
  readonly inForce: boolean;
  /** `withdrawn`: by who laid it. `void`: it never counted. */
  readonly ended?: 'revoked' | 'lapsed' | 'withdrawn' | 'void' | undefined;
  readonly ratified: boolean;
  readonly target?: HoldBody['target'] | undefined;
  /** The proposal an override is about. */
  readonly proposal?: string | undefined;
}

/** One policy key in force. */
export interface PolicyEntry {
  readonly value: PolicyValue;
  /** How often the key was decided; part of cache keys. */
  readonly version: number;
  /** Id of the decision that is the current version: what the next proposal names as `base`. */
  readonly base: string;
  /** Id of the overlay entry that stands above it, if one does. */
  readonly overlay?: string | undefined;
}

/** What is in force. Pure function of the set of statements. */
export interface PolicyState {
  /** Only keys that a decision or the overlay touched. */
  readonly entries: ReadonlyMap<string, PolicyEntry>;
  readonly standing: ReadonlyMap<string, 'in-force' | 'superseded' | 'suppressed'>;
  readonly overlay: readonly OverlayEntry[];
  /** Nodes, tokens (hashed) and agents under a hold. A held node keeps its links in membership chains. */
  readonly held: Readonly<Record<'node' | 'token' | 'agent', ReadonlySet<string>>>;
  /** Approved calls, by proposal. */
  readonly calls: readonly Decision[];
  /** SHA-256 over all of it, hex: what a receipt names. */
  readonly root: string;
}

/** What ingesting a statement changed. */
export type Effect =
  | { readonly kind: 'outcome'; readonly proposal: string; readonly from: Outcome; readonly to: Outcome }
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  | { readonly kind: 'policy' }
  | { readonly kind: 'epoch'; readonly ep: number };

export type IngestResult =
  | { readonly kind: 'accepted'; readonly statement: Statement; readonly effects: readonly Effect[] }
  | { readonly kind: 'known'; readonly id: string }
  /** Well-formed, and may count later: keep it (bounded) and offer it again after any `epoch` effect or when it is wanted. */
  | { readonly kind: 'parked'; readonly id: string; readonly because: ParkReason }
  | { readonly kind: 'refused'; readonly because: StatementRefusal };

/**
 * `unknown-key`, `unknown-epoch`: an epoch is not known here yet. `repeat`, `crowded`: adds nothing (or is one of too many
 * rivals in a log), unless what counts turns out to rest on it; then it is wanted.
 */
export type ParkReason = 'unknown-key' | 'unknown-epoch' | 'repeat' | 'crowded';
export type StatementRefusal =
  | 'too-large'
  | 'malformed'
  | 'bad-header'
  | 'not-canonical'
  | 'bad-signature'
  | 'foreign-village'
  | 'not-a-voter'
  | 'too-many';

/** A log as far as it is known. */
export interface LogHead {
  readonly kid: string;
  readonly voter: string;
  /** Every number up to this one is here. */
  readonly complete: number;
  /** The highest number that is here. */
  readonly highest: number;
  /** SHA-256 over the sorted ids at all numbers: two equal heads hold the same statements. */
  readonly digest: string;
}
