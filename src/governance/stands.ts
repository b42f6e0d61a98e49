import type { Choice } from './body.ts';
import type { Ledger } from './ledger.ts';
import type { Question } from './question.ts';

/** What a voter wants now. An approval with conditions is none. */
export function standOf({ votes }: Question, voter: string): Choice | undefined {
  const vote = votes[voter]?.payload.body;
  if (vote === undefined) return undefined;
  return vote.value === 'approve' && (vote.conditions ?? []).length > 0 ? undefined : vote.value;
}

/** What it would come to if every voter committed what it wants now; undefined: too few want the same. */
export function prospect(question: Question, ledger: Ledger): 'approve' | 'refuse' | undefined {
  const { rules } = ledger.epoch();
  const commits = ledger.registers().commitsOn(question.name);
  const stands = question.voters.map((voter) => {
    const said = commits.get(rules.kids.get(voter) ?? '') ?? [];
    const values = new Set(
      said.filter(({ payload }) => payload.ep === question.ep).map((one) => one.payload.body.value),
    );
    if (values.size === 0) return standOf(question, voter);
    return values.size === 1 && values.has('approve') ? 'approve' : 'reject';
  });
  const approvals = stands.filter((stand) => stand === 'approve').length;
  if (approvals >= question.required) return 'approve';
  const others = stands.filter((stand) => stand === 'reject' || stand === 'abstain').length;
  return others >= question.voters.length - question.required + 1 ? 'refuse' : undefined;
}
