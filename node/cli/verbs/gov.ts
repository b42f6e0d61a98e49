import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ToolResult } from '../../admin/index.ts';
import { CliError, EXIT } from '../exit.ts';
import { type AddVerb, type Invocation, withSession } from '../invocation.ts';
import type { Session } from '../session.ts';
import { listing, printable, table } from '../terminal.ts';
import { verifyFile } from './gov-verify.ts';
import { timelineOf } from './gov-timeline.ts';

const TYPES = ['minor_change', 'major_change', 'critical_change', 'emergency_action'];
const CALL_TIMEOUT_MS = 30_000;
const ID_LENGTH = 64;

/** `gov`: what voters decide together. Voting speaks as an agent, through the same tools that agents call. */
export const addGov: AddVerb = (program, invocation) => {
  const gov = program.command('gov').description('proposals, votes, policy and their proofs');
  addActs(gov, invocation);
  addViews(gov, invocation);
  gov
    .command('verify <file>')
    .description('checks a certificate with nothing but the id of the village; - reads standard input')
    .requiredOption('--village <id>', 'the id of the village, as `village status` shows it')
    .action((file: string, { village }: { village: string }) => verifyFile(file, village, invocation));
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
    .option('--agent <name>', 'the voter who proposes; the one whose key is here by default')
    .action(({ title, description, type, set, vote, agent }: ProposeOptions, command) => {
      const changes = Object.keys(set).length === 0 ? {} : { proposed_changes: { config_updates: set } };
      const args = { title, description: description ?? title, type, ...changes, auto_vote: vote === true };
      return act(command, invocation, { tool: 'governance_proposal', id: undefined, args: () => args, agent });
    });
  gov
    .command('vote <id> <vote>')
    .description('votes approve, reject or abstain')
    .requiredOption('--reason <text>', 'why')
    .option('--final', 'commit it now: it cannot be changed any more')
    .option('--agent <name>', 'the voter')
    .action((id: string, vote: string, { reason, final, agent }: VoteOptions, command) => {
      const more = { vote, reasoning: reason, ...(final === true ? { final } : {}) };
      return act(command, invocation, {
        tool: 'governance_vote',
        id,
        args: (whole) => ({ proposal_id: whole, ...more }),
        agent,
      });
    });
  gov
    .command('override <id> <action>')
    .description('the king’s: approve or suppress a proposal; the others can revoke it')
    .requiredOption('--reason <text>', 'the justification, 20 characters or more')
    .action((id: string, action: string, { reason }: { reason: string }, command) => {
      const more = { action, justification: reason };
      const args = (whole: string) => ({ proposal_id: whole, ...more });
      return act(command, invocation, { tool: 'king_override_vote', id, args, agent: 'king' });
    });
  gov
    .command('revoke <id>')
    .description('proposes to take back an override or an emergency action')
    .requiredOption('--reason <text>', 'why')
    .option('--vote', 'approve it at once')
    .option('--agent <name>', 'the voter who proposes')
    .action((id: string, { reason, vote, agent }: VoteOptions & { vote?: boolean }, command) => {
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
    .command('show <id>')
    .description('one proposal and everything that happened to it')
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
    .command('certificate <id>')
    .description('the proof of a decision, for `gov verify`')
    .action((id: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const { certificate } = await session.call('gov.certificate', { id });
        terminal.answer(certificate, JSON.stringify(certificate, null, 2));
      }),
    );
}

interface Act {
  readonly tool: string;
  /** What it is about, or enough of its beginning. */
  readonly id: string | undefined;
  readonly args: (whole: string) => Readonly<Record<string, unknown>>;
  readonly agent: string | undefined;
}

async function act(command: Command, invocation: Invocation, { tool, id, args, agent }: Act): Promise<void> {
  await withSession(command, invocation, async (session) => {
    const speaker = agent ?? (await onlyVoterHere(session));
    const whole = id === undefined || id.length === ID_LENGTH ? (id ?? '') : await wholeId(session, id);
    const input = { name: tool, arguments: { ...args(whole) }, agent: speaker, timeout_ms: CALL_TIMEOUT_MS };
    const result = await session.call('tools.call', input, { timeoutMs: CALL_TIMEOUT_MS + 5_000 });
    const value = structured(result);
    if (result.isError === true) {
      invocation.exitCode = EXIT.failed;
      const error = { code: String(value['code']), message: String(value['message']) };
      if (invocation.terminal.json) invocation.terminal.answer({ error: { ...value, ...error } }, '');
      else invocation.terminal.note(`${error.code}: ${error.message}`);
      return;
    }
    const { proposal_details: _, ...shown } = value;
    invocation.terminal.answer(value, listing(shown));
  });
}

function structured(result: ToolResult): Readonly<Record<string, unknown>> {
  const value = result['structuredContent'];
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

async function wholeId(session: Session, id: string): Promise<string> {
  return (await session.call('gov.show', { id })).proposal.proposal_id;
}

/** A person with one voter's key need not say whose. */
async function onlyVoterHere(session: Session): Promise<string> {
  const { agents } = await session.call('agents.list', {});
  const voters = agents.filter((agent) => agent['voter'] === true && agent.has_key).map(({ name }) => name);
  const [only, ...others] = voters;
  if (only !== undefined && others.length === 0) return only;
  throw new CliError(
    'USAGE',
    only === undefined ? 'no voter’s key is on this node' : `this node has the keys of ${voters.join(', ')}`,
    { hint: 'say who acts with --agent NAME' },
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
