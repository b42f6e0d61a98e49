import { type Command, InvalidArgumentError } from 'commander';
import type { ToolResult } from '../../admin/index.ts';
import { CliError, EXIT } from '../exit.ts';
import { type Invocation, withSession } from '../invocation.ts';
import type { Session } from '../session.ts';
import { listing } from '../terminal.ts';

const CALL_TIMEOUT_MS = 30_000;
const ID_LENGTH = 64;

export interface Act {
  readonly tool: string;
  /** What it is about, or enough of its beginning. */
  readonly id: string | undefined;
  readonly args: (whole: string) => Readonly<Record<string, unknown>>;
  /** Who acts; the one voter whose key is here otherwise. */
  readonly agent: string | undefined;
}

/** Calls a tool as a voter, and shows what came of it. */
export async function act(command: Command, invocation: Invocation, { tool, id, args, agent }: Act): Promise<void> {
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

/** A proposal's id, or what of it `gov list` prints. */
export function proposalId(text: string): string {
  if (/^[0-9a-f]{6,64}$/.test(text)) return text;
  throw new InvalidArgumentError('an id is 64 hex digits, or the first 6 or more of them.');
}

/** An id of which no part is enough. */
export function wholeHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('64 hex digits.');
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
