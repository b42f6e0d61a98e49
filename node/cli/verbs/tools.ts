import { InvalidArgumentError } from 'commander';
import { AdminError, type ToolResult } from '../../admin/index.ts';
import { durationOption } from '../duration.ts';
import { CliError, EXIT } from '../exit.ts';
import { type AddVerb, withSession } from '../invocation.ts';
import { printable, table } from '../terminal.ts';

/** What is left of a call's deadline for the node to say that it passed. */
const GRACE_MS = 5000;

export const addTools: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  const tools = program.command('tools').description('the tools of the village, as an agent sees them');
  tools
    .command('list')
    .description('the tools an agent may use')
    .option('--agent <name>', 'as this agent (the default agent otherwise)')
    .action((options: { agent?: string }, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('tools.list', options);
        terminal.answer(answer, table(answer.tools, ['name', 'description']));
      }),
    );
  tools
    .command('describe <name>')
    .description('one tool with its schemas')
    .option('--agent <name>', 'as this agent')
    .action((name: string, options: { agent?: string }, command) =>
      withSession(command, invocation, async (session) => {
        const { tool } = await session.call('tools.describe', { name, ...options });
        terminal.answer(tool, printable(JSON.stringify(tool, null, 2)));
      }),
    );
  tools
    .command('approve <name>')
    .description(
      'takes what a third party changed for the one to keep, on this node: a tool or prompt as ALIAS__NAME, a template or resource as ALIAS__URI, what a server says of itself as ALIAS',
    )
    .action((name: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('tools.approve', { name });
        terminal.answer(answer, `${answer.name} (${answer.kinds.join(', ')}) is kept as it is now`);
      }),
    );
  tools
    .command('call <name>')
    .description('calls a tool and prints its result')
    .option('--args <json>', 'its arguments, a JSON object', jsonObject, {})
    .option('--agent <name>', 'as this agent')
    .addOption(durationOption('--timeout <duration>', 'how long to wait', '30s'))
    .action((name: string, options: CallOptions, command) =>
      withSession(command, invocation, async (session) => {
        const { args, agent, timeout } = options;
        const input = { name, arguments: args, timeout_ms: timeout, ...(agent === undefined ? {} : { agent }) };
        const result = await session.call('tools.call', input, { timeoutMs: timeout + GRACE_MS }).catch(orUnknown);
        terminal.answer(result, textOf(result));
        if (result.isError === true) invocation.exitCode = EXIT.failed;
      }),
    );
};

interface CallOptions {
  readonly args: Record<string, unknown>;
  readonly agent?: string;
  readonly timeout: number;
}

/** The node was asked and did not answer: the tool may have run. */
function orUnknown(error: unknown): never {
  if (!(error instanceof AdminError) || error.code !== 'NODE_SILENT') throw error;
  throw new CliError('OUTCOME_UNKNOWN', 'the node stopped answering; the tool may have run', {
    cause: error,
    hint: 'look before calling it again',
  });
}

function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('it is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('it must be a JSON object.');
  return value as Record<string, unknown>;
}

/** What a person reads: the text, and a word for each part that is none. */
function textOf(result: ToolResult): string {
  const parts = result.content ?? [];
  if (parts.length === 0) return printable(JSON.stringify(result['structuredContent'] ?? result, null, 2));
  return parts.map((part) => printable(part.text ?? `[${part.type}]`)).join('\n');
}
