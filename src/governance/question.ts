import { type ProposalType, ratificationOf } from './body.ts';
import type { Book } from './book.ts';
import type { Outcome } from './outcome.ts';
import type { StatementOf } from './statement.ts';
import type { Tally } from './tally.ts';
import { type Ballot, ratificationBallot } from './validity.ts';
import type { OverlayEntry } from './views.ts';

/** What voters are asked: a proposal, or whether an overlay entry stays. */
export interface Question {
  /** The proposal's id, or `ratificationOf` an entry. */
  readonly name: string;
  /** What votes and commits on it carry. */
  readonly about: { readonly proposal: string; readonly ratifies?: true | undefined };
  readonly ep: number;
  readonly type: ProposalType;
  readonly createdAtMs: number;
  readonly deadline: number;
  readonly voters: readonly string[];
  readonly required: number;
  /** By commits alone. */
  readonly outcome: Outcome;
  /** The latest preference of each voter who may answer. */
  readonly votes: Readonly<Record<string, StatementOf<'vote'>>>;
  /** Who has committed. */
  readonly committed: readonly string[];
}

interface Parts {
  readonly book: Book;
  readonly tally: Tally;
}

/** `name`: a proposal's id, or `ratificationOf` an overlay entry. */
export function ask(name: string, parts: Parts): Question | undefined {
  const proposal = parts.book.proposals.get(name);
  if (proposal !== undefined) return askProposal(proposal, parts);
  const entry = parts.tally.state().overlay.find(({ id }) => ratificationOf(id) === name);
  return entry === undefined ? undefined : askRatification(entry, parts);
}

function askProposal(proposal: StatementOf<'proposal'>, { book, tally }: Parts): Question | undefined {
  const { id, payload } = proposal;
  const ballot = tally.ballot(proposal);
  if (ballot === undefined) return undefined;
  const { ep, ts, body } = payload;
  const known = { name: id, about: { proposal: id }, ep, createdAtMs: ts, type: body.type, deadline: body.deadline };
  return { ...known, outcome: tally.outcome(id), ...answers(id, { ep, ballot, book }) };
}

function askRatification(entry: OverlayEntry, { book, tally }: Parts): Question | undefined {
  const epoch = tally.epochAt(entry.ep);
  if (epoch === undefined) return undefined;
  const name = ratificationOf(entry.id);
  const type = 'major_change';
  return {
    name,
    about: { proposal: entry.id, ratifies: true },
    ep: entry.ep,
    type,
    createdAtMs: entry.ts,
    deadline: entry.ts + epoch.rules.periodMs[type],
    outcome: tally.ratification(entry.id, entry.ep),
    ...answers(name, { ep: entry.ep, ballot: ratificationBallot(epoch.rules), book }),
  };
}

function answers(
  name: string,
  { ep, ballot, book }: { ep: number; ballot: Ballot; book: Book },
): Pick<Question, 'voters' | 'required' | 'votes' | 'committed'> {
  const { voters, kids, required } = ballot;
  const votes: Record<string, StatementOf<'vote'>> = {};
  const committed: string[] = [];
  for (const [index, voter] of voters.entries()) {
    const kid = kids[index] ?? '';
    const vote = book.registers.votesOn(name).get(kid);
    if (vote?.payload.ep === ep) votes[voter] = vote;
    if (
      book.registers
        .commitsOn(name)
        .get(kid)
        ?.some((one) => one.payload.ep === ep)
    )
      committed.push(voter);
  }
  return { voters, required, votes, committed };
}
