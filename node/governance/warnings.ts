import type { Ledger } from '../../src/governance/index.ts';
import type { Signer } from './signer.ts';

/** What the operator should know of the voters whose keys are here, and of voters who were caught. */
export function warningsOf(signer: Pick<Signer, 'voters' | 'obstacle'>, ledger: Pick<Ledger, 'evidence'>): string[] {
  const stopped = signer.voters().flatMap((voter) => {
    const obstacle = signer.obstacle(voter);
    const passes = obstacle?.retryAfterMs !== undefined && obstacle.code !== 'RESTORED';
    return obstacle === undefined || passes ? [] : [`${voter} does not vote here: ${obstacle.message}`];
  });
  const caught = new Set(ledger.evidence().map(({ voter }) => voter));
  return [
    ...stopped,
    ...[...caught].map((voter) => `${voter} has signed two things that cannot both be honest: the proof is kept`),
  ];
}
