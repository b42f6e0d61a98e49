import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AddVerb, type Invocation, withSession } from '../invocation.ts';
import { listing, printable, table } from '../terminal.ts';
import { act, proposalId, wholeHash } from './gov-act.ts';
import { addAmend } from './gov-amend.ts';
import { addLoneActs, asAgent } from './gov-alone.ts';
import { addRules } from './gov-rules.ts';
import { addSign } from './gov-sign.ts';
import { timelineOf } from './gov-timeline.ts';
import { type VerifyOptions, verifyFile } from './gov-verify.ts';

const TYPES = ['minor_change', 'major_change', 'critical_change', 'emergency_action'];
const VOTES = ['approve', 'reject', 'abstain'];

/** `gov`: what voters decide together. Voting speaks as an agent, through the same tools that agents call. */
export const addGov: AddVerb = (program, invocation) => {
  const gov = program.command('gov').description('proposals, votes, policy and their proofs');
  addActs(gov, invocation);
  addLoneActs(gov, invocation);
  addRules(gov, invocation);
  addAmend(gov, invocation);
  addSign(gov, invocation);
  addViews(gov, invocation);
  gov
    .command('verify <file>')
    .description('checks a certificate with nothing but the id of the village; - reads standard input')
    .requiredOption('--village <id>', 'the id of the village, as `village status` shows it', wholeHash)
    .option(
      '--history <file>',
      'a later certificate: it shows how epochs ended (a node of the village that runs here does so too)',
    )
    .action((file: string, options: VerifyOptions, command) => verifyFile(file, options, { command, invocation }));
};

interface ProposeOptions {
  readonly title: string;
  readonly description?: string;
  readonly type: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly vote?: boolean;
  readonly agent?: string;
}

function addActs(gov: Command, invocation: Invocation): void {
  gov
    .command('propose')
    .description('proposes a change of policy; the proposer does not vote by proposing')
    .requiredOption('--title <text>', 'what it is about, in a line')
    .option('--description <text>', 'why')
    .addOption(new Option('--type <type>', 'how many must approve').choices(TYPES).makeOptionMandatory())
    .option('--set <key=value>', 'a policy key and its new value (JSON, or plain text); repeatable', setting, {})
    .option('--vote', 'approve it at once')
    .addOption(asAgent())
    .action(({ title, description, type, set, vote, agent }: ProposeOptions, command) => {
      const changes = Object.keys(set).length === 0 ? {} : { proposed_changes: { config_updates: set } };
      const args = { title, description: description ?? title, type, ...changes, auto_vote: vote === true };
      return act(command, invocation, { tool: 'governance_proposal', id: undefined, args: () => args, agent });
    });
  gov
    .command('vote')
    .description('votes approve, reject or abstain')
    .argument('<id>', 'as `gov list` shows it', proposalId)
    .addArgument(gov.createArgument('<vote>', VOTES.join(', ')).choices(VOTES))
    .requiredOption('--reason <text>', 'why')
    .option('--final', 'commit it now: it cannot be changed any more')
    .option('--condition <text>', 'what the approval is on: it is recorded and not counted; repeatable', several, [])
    .addOption(asAgent())
    .action((id: string, vote: string, { reason, final, agent, condition }: VoteOptions, command) => {
      const conditions = condition.length === 0 ? {} : { conditions: condition };
      const more = { vote, reasoning: reason, ...conditions, ...(final === true ? { final } : {}) };
      return act(command, invocation, {
        tool: 'governance_vote',
        id,
        args: (whole) => ({ proposal_id: whole, ...more }),
        agent,
      });
    });
  gov
    .command('override')
    .description('the king’s: approve or suppress a proposal; the others can revoke it')
    .argument('<id>', 'as `gov list` shows it', proposalId)
    .addArgument(gov.createArgument('<action>').choices(['approve', 'suppress']))
    .requiredOption('--reason <text>', 'the justification, 20 characters or more')
    .option('--agent <name>', 'the overseer', 'king')
    .action((id: string, action: string, { reason, agent }: { reason: string; agent: string }, command) => {
      const more = { action, justification: reason };
      const args = (whole: string) => ({ proposal_id: whole, ...more });
      return act(command, invocation, { tool: 'king_override_vote', id, args, agent });
    });
  gov
    .command('revoke')
    .description('proposes to end an override, an emergency action or a hold')
    .argument('<id>', 'as `gov list` shows it', proposalId)
    .requiredOption('--reason <text>', 'why')
    .option('--vote', 'approve it at once')
    .addOption(asAgent())
    .action((id: string, { reason, vote, agent }: RevokeOptions, command) => {
      const args = (whole: string) => ({
        title: `Revoke ${whole.slice(0, 12)}`,
        description: reason,
        type: 'major_change',
        proposed_changes: { revoke: whole },
        auto_vote: vote === true,
      });
      return act(command, invocation, { tool: 'governance_proposal', id, args, agent });
    });
}

interface VoteOptions {
  readonly reason: string;
  readonly final?: boolean;
  readonly agent?: string;
  readonly condition: readonly string[];
}

interface RevokeOptions {
  readonly reason: string;
  readonly vote?: boolean;
  readonly agent?: string;
}

function several(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function addViews(gov: Command, invocation: Invocation): void {
  const { terminal } = invocation;
  gov
    .command('list')
    .description('the proposals, newest first')
    .option('--open', 'only those that are not decided')
    .action(({ open }: { open?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('gov.list', { open: open === true });
        const rows = answer.proposals.map((row) => ({ ...row, proposal_id: String(row.proposal_id).slice(0, 12) }));
        const columns = ['proposal_id', 'status', 'type', 'votes_for', 'required_votes', 'proposer', 'title'];
        terminal.answer(answer, table(rows, columns));
      }),
    );
  gov
    .command('show')
    .description('one proposal and everything that happened to it')
    .argument('<id>', 'as `gov list` shows it', proposalId)
    .action((id: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('gov.show', { id });
        terminal.answer(answer, timelineOf(answer));
      }),
    );
  gov
    .command('policy [key]')
    .description('the policy in force')
    .option('--history', 'with what it was before')
    .action((key: string | undefined, { history }: { history?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        const filter = key === undefined ? {} : { key };
        const answer = await session.call('gov.policy', { ...filter, include_history: history === true });
        const rows = answer.policies.map((row) => ({ ...row, applied_by: row.applied_by.length }));
        const one = answer.policies.length === 1 ? answer.policies[0] : undefined;
        terminal.answer(
          answer,
          one === undefined ? table(rows, ['key', 'value', 'version', 'applied_by']) : listing({ ...one }),
        );
      }),
    );
  gov
    .command('certificate')
    .description('the proof of a decision, for `gov verify`')
    .argument('<id>', 'as `gov list` shows it', proposalId)
    .action((id: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const { certificate } = await session.call('gov.certificate', { id });
        terminal.answer(certificate, JSON.stringify(certificate, null, 2));
      }),
    );
}

function setting(text: string, before: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('KEY=VALUE, for example knowledge.retention_days=90.');
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return printable(text);
  }
}
