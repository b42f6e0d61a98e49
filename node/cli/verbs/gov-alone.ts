import { type Command, Option } from 'commander';
import type { Invocation } from '../invocation.ts';
import { act, proposalId } from './gov-act.ts';

const KINDS = ['node', 'token', 'agent'];

/** `gov hold`, `release` and `withdraw`: what a voter does without the others. */
export function addLoneActs(gov: Command, invocation: Invocation): void {
  gov
    .command('hold')
    .description('holds back a node, a token or an agent at once; it lapses unless the voters keep it')
    .addArgument(gov.createArgument('<kind>', KINDS.join(', ')).choices(KINDS))
    .argument('<id>', 'a node id; the SHA-256 of a token’s jti, hex (`village audit tail` shows it); an agent’s name')
    .requiredOption('--reason <text>', 'the justification, 20 characters or more')
    .addOption(asAgent())
    .action((kind: string, id: string, { reason, agent }: { reason: string; agent?: string }, command) => {
      const args = () => ({ target: { kind, id }, justification: reason });
      return act(command, invocation, { tool: 'governance_hold', id: undefined, args, agent });
    });
  for (const [verb, description] of [
    ['release', 'ends a hold, an override or an emergency of your own'],
    ['withdraw', 'asks the others to reject an open proposal of your own'],
  ] as const) {
    gov
      .command(verb)
      .description(description)
      .argument('<id>', 'as `gov list` shows it', proposalId)
      .addOption(asAgent())
      .action((id: string, { agent }: { agent?: string }, command) =>
        act(command, invocation, { tool: 'governance_withdraw', id, args: (whole) => ({ id: whole }), agent }),
      );
  }
}

export const asAgent = (): Option =>
  new Option('--agent <name>', 'the voter who acts; the one whose key is here by default');
