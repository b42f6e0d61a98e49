import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers } from '../admin/index.ts';
import type { BroughtView, GovernanceDesk, ProposalView } from '../governance/index.ts';

export class GovernanceError extends VillageError<'UNKNOWN_PROPOSAL' | 'NOT_DECIDED' | 'UNKNOWN_POLICY'> {}

type Desk = Pick<
  GovernanceDesk,
  | 'villageId'
  | 'history'
  | 'rules'
  | 'resume'
  | 'bring'
  | 'proposals'
  | 'proposal'
  | 'timeline'
  | 'policies'
  | 'certificate'
>;

/** The verbs that look at what was proposed and decided; acting goes through the tools. */
export function governanceVerbs(
  desk: Desk,
): Pick<
  AdminHandlers,
  | 'gov.list'
  | 'gov.show'
  | 'gov.policy'
  | 'gov.certificate'
  | 'gov.rules'
  | 'gov.history'
  | 'gov.resume'
  | 'gov.hand_in'
> {
  return {
    'gov.rules': async () => desk.rules(),
    'gov.history': async () => ({ village_id: desk.villageId, epochs: desk.history() }),
    'gov.resume': async ({ voter }) => ({ voter, resumed: await desk.resume(voter) }),
    'gov.hand_in': async ({ statements }) => {
      const brought: BroughtView[] = [];
      // One after the other: a statement may rest on the one before it.
      for (const statement of statements) brought.push(await desk.bring(statement));
      return { statements: brought };
    },
    'gov.list': async ({ open }) => ({ proposals: desk.proposals({ open }) }),
    'gov.show': async ({ id }) => {
      const proposal = known(desk, id);
      return { proposal, timeline: desk.timeline(proposal.proposal_id) };
    },
    'gov.policy': async ({ key, include_history: includeHistory }) => {
      const policies = desk.policies({ key, includeHistory });
      if (policies.length > 0) return { policies };
      throw new GovernanceError('UNKNOWN_POLICY', `no policy key is called ${key}`, {
        hint: '`village gov policy` lists them',
      });
    },
    'gov.certificate': async ({ id }) => {
      const { proposal_id: whole, status } = known(desk, id);
      const certificate = desk.certificate(whole);
      if (certificate !== undefined) return { certificate };
      throw new GovernanceError('NOT_DECIDED', `proposal ${whole} is ${status}: there is nothing to prove yet`);
    },
  };
}

function known(desk: Desk, id: string): ProposalView {
  const proposal = desk.proposal(id);
  if (proposal !== undefined) return proposal;
  throw new GovernanceError('UNKNOWN_PROPOSAL', `this node knows no proposal ${id}`, {
    hint: '`village gov list` shows those it knows; more digits, if several begin so',
  });
}
