import { type Reporter, tracedWork } from '../telemetry/index.ts';
import type { Acted, Actor, GovernanceDesk, WaitOptions } from './desk.ts';
import type { ProposalView } from './views.ts';

/** Acts of agents with a span each, where their calls are traced: what is signed, waited for and told on is most of such a call. */
export function tracedDesk(desk: GovernanceDesk, reporter: Reporter): GovernanceDesk {
  async function traced<Value>(
    act: string,
    asked: { readonly by: Actor; readonly options: WaitOptions; readonly proposalOf: (value: Value) => ProposalView },
    run: () => Promise<Acted<Value>>,
  ): Promise<Acted<Value>> {
    const { by, options, proposalOf } = asked;
    const { traceparent } = options;
    const work = tracedWork(reporter, { traceparent, name: `governance ${act}`, agent: by.agentId });
    if (work === undefined) return run();
    try {
      const acted = await run();
      if (acted.kind === 'refused') work.end({ outcome: acted.refusal.code });
      else {
        const { proposal_id, status } = proposalOf(acted.value);
        const attributes = { 'village.proposal': proposal_id, 'village.proposal.status': status };
        work.end({ outcome: 'ok', attributes });
      }
      return acted;
    } catch (error) {
      work.end({ outcome: 'failed' });
      throw error;
    }
  }
  const itself = (view: ProposalView): ProposalView => view;
  return {
    constitution: desk.constitution,
    villageId: desk.villageId,
    propose: (request, by, options) =>
      traced('propose', { by, options, proposalOf: itself }, () => desk.propose(request, by, options)),
    vote: (request, by, options) =>
      traced('vote', { by, options, proposalOf: itself }, () => desk.vote(request, by, options)),
    override: (request, by, options) =>
      traced('override', { by, options, proposalOf: ({ proposal }) => proposal }, () =>
        desk.override(request, by, options),
      ),
    hold: (request, by, options) =>
      traced('hold', { by, options, proposalOf: itself }, () => desk.hold(request, by, options)),
    takeBack: (request, by, options) =>
      traced('take back', { by, options, proposalOf: itself }, () => desk.takeBack(request, by, options)),
    leastType: (updates) => desk.leastType(updates),
    held: (kind) => desk.held(kind),
    rules: () => desk.rules(),
    history: () => desk.history(),
    resume: (voter) => desk.resume(voter),
    bring: (token) => desk.bring(token),
    proposals: (filter) => desk.proposals(filter),
    proposal: (id) => desk.proposal(id),
    timeline: (id) => desk.timeline(id),
    policies: (filter) => desk.policies(filter),
    certificate: (id) => desk.certificate(id),
    onChange: (listener) => desk.onChange(listener),
  };
}
