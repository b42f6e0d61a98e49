import { type Ledger, type Question, ratificationOf } from '../../src/governance/index.ts';
import type { ActRefusal } from './desk.ts';

/** What a vote on `id` answers: whether what was laid over the policy stays, or a proposal. */
export function questionAbout(id: string, ledger: Ledger): Question | undefined {
  const isLaid = ledger.policy().overlay.some((entry) => entry.id === id);
  return ledger.question(isLaid ? ratificationOf(id) : id);
}

/** Why a vote on it would change nothing; undefined: it counts. */
export function objectToVote(
  { outcome, deadline, committed, voters }: Question,
  { voter, nowMs }: { readonly voter: string; readonly nowMs: number },
): ActRefusal | undefined {
  if (outcome !== 'open') {
    const message = `it is ${outcome.replaceAll('_', ' ')}: votes change nothing any more`;
    return { code: 'ALREADY_DECIDED', message };
  }
  if (nowMs > deadline) return { code: 'DEADLINE_PASSED', message: 'voting on it has ended' };
  if (!voters.includes(voter)) return { code: 'NOT_A_VOTER', message: `${voter} has no vote on it` };
  if (!committed.includes(voter)) return undefined;
  return { code: 'ALREADY_COMMITTED', message: `${voter} has committed a vote on it, which cannot be changed` };
}
