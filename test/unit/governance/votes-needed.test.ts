import { expect, test } from 'vitest';
import type { ProposalView } from '../../../node/governance/index.ts';
import { votesNeeded } from '../../../node/roles/governance/answers.ts';

/** For, against and abstaining of three voters, where so many must approve. */
const after = (required_votes: number, votes_for: number, votes_against: number, abstentions = 0) =>
  votesNeeded({
    voters: ['sage', 'curator', 'king'],
    required_votes,
    votes_for,
    votes_against,
    abstentions,
  } as unknown as ProposalView);

test('what is missing are approvals while they can suffice, and rejections when they cannot', () => {
  expect([after(2, 0, 0), after(2, 1, 0), after(2, 1, 1)]).toEqual([2, 1, 1]);
  expect([after(2, 0, 1), after(2, 0, 2), after(2, 0, 1, 1)]).toEqual([2, 0, 0]);
  expect([after(3, 2, 0), after(3, 2, 1), after(1, 0, 2)]).toEqual([1, 0, 1]);
});
