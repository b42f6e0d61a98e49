import { questionOf } from './body.ts';
import type { StatementOf } from './statement.ts';

type Commit = StatementOf<'commit'>;
type Vote = StatementOf<'vote'>;

const NO_VOTES: ReadonlyMap<string, Vote> = new Map();
const NO_COMMITS: ReadonlyMap<string, readonly Commit[]> = new Map();

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
    const answers = within(this.#votes, questionOf(vote.payload.body));
    const before = answers.get(vote.kid);
    if (before !== undefined && !isNewer(vote, before)) return false;
    answers.set(vote.kid, vote);
    return true;
  }

  addCommit(commit: Commit): void {
    const answers = within(this.#commits, questionOf(commit.payload.body));
    const before = answers.get(commit.kid) ?? [];
    answers.set(commit.kid, [...before, commit]);
  }

  votesOn(question: string): ReadonlyMap<string, Vote> {
    return this.#votes.get(question) ?? NO_VOTES;
  }

  /** Key → its commits: one, unless it equivocated or repeated itself. */
  commitsOn(question: string): ReadonlyMap<string, readonly Commit[]> {
    return this.#commits.get(question) ?? NO_COMMITS;
  }

  /** Whether this very value is known already: a repeat, which adds nothing. */
  repeats({ id, kid, payload: { ep, body } }: Commit): boolean {
    const known = this.commitsOn(questionOf(body)).get(kid) ?? [];
    return known.some((one) => one.id !== id && one.payload.ep === ep && one.payload.body.value === body.value);
  }
}

function within<T>(map: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made = new Map<string, T>();
  map.set(name, made);
  return made;
}
