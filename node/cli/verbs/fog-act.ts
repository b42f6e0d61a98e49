import { atLeast } from '../../../src/permissions/index.ts';
import type { ToolResult } from '../../admin/index.ts';
import { AdminError } from '../../admin/index.ts';
import { CliError, EXIT, type ExitCode } from '../exit.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** What is left of a call's deadline for the node to say that it passed. */
const GRACE_MS = 5_000;
const LOOK_MS = 30_000;

export type Value = Readonly<Record<string, unknown>>;

export interface Ask {
  readonly tool: string;
  readonly args: Value;
  /** undefined: the node's default agent. */
  readonly agent?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

export type Answered =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'refused'; readonly value: Value };

/** Calls a tool of the fog. Errors: OUTCOME_UNKNOWN where the node was asked to act and fell silent. */
export async function ask(session: Session, { tool, args, agent, timeoutMs = LOOK_MS }: Ask): Promise<Answered> {
  const input = { name: tool, arguments: args, timeout_ms: timeoutMs, ...(agent === undefined ? {} : { agent }) };
  const result = await session.call('tools.call', input, { timeoutMs: timeoutMs + GRACE_MS }).catch(orUnknown);
  const value = structured(result);
  return { kind: result.isError === true ? 'refused' : 'done', value };
}

/** Prints what came of it; the exit code says whether it is done, failed or not known. */
export function show(
  { kind, value }: Answered,
  { terminal, text }: { readonly terminal: Terminal; readonly text: (value: Value) => string },
): ExitCode {
  if (kind === 'done') {
    terminal.answer(value, text(value));
    return codeOf(value);
  }
  const { code, message } = value;
  if (terminal.json) terminal.answer({ error: { ...value, code, message } }, '');
  else terminal.note(`${String(code)}: ${String(message)}`);
  return EXIT.failed;
}

/** Placing asks for the level COORDINATOR: magi where its key is here, else an agent of this node that has it. */
export async function coordinator(session: Session): Promise<string | undefined> {
  const { agents } = await session.call('agents.list', {});
  const able = agents.filter((one) => one.has_key && atLeast(one.level, 'COORDINATOR'));
  return (able.find(({ name }) => name === 'magi') ?? able.find(({ kind }) => kind === 'node'))?.name;
}

/** A deployment that nobody knows whether it runs is neither done nor failed. */
function codeOf({ status }: Value): ExitCode {
  if (status === 'unknown') return EXIT.unknown;
  return status === 'blocked' || status === 'failed' ? EXIT.failed : EXIT.done;
}

function structured(result: ToolResult): Value {
  const value = result['structuredContent'];
  return typeof value === 'object' && value !== null ? (value as Value) : {};
}

function orUnknown(error: unknown): never {
  if (!(error instanceof AdminError) || error.code !== 'NODE_SILENT') throw error;
  throw new CliError('OUTCOME_UNKNOWN', 'the node stopped answering; what was asked may have been done', {
    cause: error,
    hint: '`village fog ps` shows what runs',
  });
}
