import type { Choice } from './body.ts';
import type { StatementOf } from './statement.ts';

type Commit = StatementOf<'commit'>;
type Vote = StatementOf<'vote'>;

const NONE: ReadonlyMap<string, never> = new Map();

/** Whether `one` is the newer of two statements of one key; of two with one number the smaller id counts. */
function isNewer(one: Vote, other: Vote): boolean {
  const { seq } = one.payload;
  return seq === other.payload.seq ? one.id < other.id : seq > other.payload.seq;
}

/** What each key has said about each proposal: one revisable vote, and a commit for each value it ever signed. */
export class Registers {
  readonly #votes = new Map<string, Map<string, Vote>>();
  readonly #commits = new Map<string, Map<string, Commit[]>>();

  /** Returns whether it changed what counts. */
  addVote(vote: Vote): boolean {
    const ofProposal = within(this.#votes, vote.payload.body.proposal);
    const before = ofProposal.get(vote.kid);
    if (before !== undefined && !isNewer(vote, before)) return false;
    ofProposal.set(vote.kid, vote);
    return true;
  }

  addCommit(commit: Commit): void {
    const ofProposal = within(this.#commits, commit.payload.body.proposal);
    const before = ofProposal.get(commit.kid) ?? [];
    ofProposal.set(commit.kid, [...before, commit]);
  }

  votesOn(proposal: string): ReadonlyMap<string, Vote> {
    return this.#votes.get(proposal) ?? NONE;
  }

  /** Key → its commits: one, unless it equivocated or repeated itself. */
  commitsOn(proposal: string): ReadonlyMap<string, readonly Commit[]> {
    return this.#commits.get(proposal) ?? NONE;
  }

  holds(proposal: string, kid: string, value: Choice): boolean {
    return this.commitsOn(proposal).get(kid)?.some((commit) => commit.payload.body.value === value) ?? false;
  }
}

function within<T>(map: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made = new Map<string, T>();
  map.set(name, made);
  return made;
}
