import { type Action, isKeyProof, type Ledger } from '../../src/governance/index.ts';
import type { ActRefusal, RulesRequest } from './desk.ts';

export interface RulesContext {
  readonly ledger: Ledger;
  /** The village. */
  readonly net: string;
}

/** What a change of who decides would do, or why nobody could approve it: a proposal that can never count is not signed. */
export function draftRules(request: RulesRequest, { ledger, net }: RulesContext): Action | ActRefusal {
  const { base, ep, rules } = ledger.epoch();
  if (request.kind === 'amend') {
    return { op: 'amend', base, changes: request.changes, proofs: [...request.proofs] };
  }
  const { voter } = request;
  if (!rules.voters.has(voter)) return { code: 'NOT_A_VOTER', message: `${voter} is no voter of this village` };
  if (rules.voters.size < 3) {
    return { code: 'TOO_FEW_VOTERS', message: 'it takes two others to remove a voter or its key' };
  }
  if (request.kind === 'recover') {
    const { key, proof } = request;
    if (!isKeyProof(proof, { net, ep, voter, key })) {
      const message = `the proof is not by this key, for ${voter}, in epoch ${ep}: make it again with \`village gov new-key\``;
      return { code: 'BAD_KEY_PROOF', message };
    }
    return { op: 'recover', base, voter, key, proof, intent: intentFor(voter, key, ledger) ?? null };
  }
  const caught = ledger.evidence().filter((one) => one.voter === voter && one.kid === rules.kids.get(voter));
  const proof = caught.find(({ about }) => about === 'register');
  if (proof === undefined) {
    const known = caught.length === 0 ? 'this node knows of none' : 'a forked log alone is an alarm and no proof';
    return { code: 'NO_EVIDENCE', message: `${voter} can be expelled only with two votes that contradict: ${known}` };
  }
  const [one, other] = proof.statements;
  return { op: 'expel', base, voter, evidence: [one.token, other.token] };
}

/** The approved intent that a final recovery completes. */
function intentFor(voter: string, key: string, ledger: Ledger): string | undefined {
  return ledger.intents().find((id) => {
    const action = ledger.proposal(id)?.body.actions[0];
    return action?.op === 'recover' && action.voter === voter && action.key === key;
  });
}
