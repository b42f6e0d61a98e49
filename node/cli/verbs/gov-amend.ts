import { type Command, InvalidArgumentError } from 'commander';
import { parseStrictJson } from '../../../src/kernel/index.ts';
import { CliError } from '../exit.ts';
import { type Invocation, withSession } from '../invocation.ts';
import { candidateIn, change, type Change, proposeRules, textOf } from './gov-rules.ts';

interface Options extends Change {
  readonly seat: readonly string[];
  readonly leave: readonly string[];
  readonly changes?: string;
}

/** `gov amend`: who decides, and how, by the consent of all. */
export function addAmend(gov: Command, invocation: Invocation): void {
  change(
    gov
      .command('amend')
      .description('proposes other voters, another key for one, or other rules: every voter must approve')
      .option(
        '--seat <file>',
        'gives a seat to who made this with `gov new-key`; repeatable. Two majorities must share a voter: of four voters three',
        several,
        [],
      )
      .option('--leave <voter>', 'takes the seat of a voter; repeatable', several, [])
      .option('--changes <file>', 'other rules, as JSON: thresholds, change_types, period_ms, overseer …'),
  ).action(async (options: Options, command) => {
    const { seat, leave, changes: file } = options;
    const candidates = await Promise.all(seat.map(async (one) => candidateIn(await textOf(one, invocation))));
    const other = file === undefined ? {} : changesIn(await textOf(file, invocation));
    const seats =
      candidates.length + leave.length === 0
        ? {}
        : { voters: await electorate(command, { candidates, leave, invocation }) };
    const changes = { ...other, ...seats };
    if (Object.keys(changes).length === 0)
      throw new CliError('USAGE', 'say what is to change: --seat, --leave or --changes');
    const rules = { kind: 'amend', changes, proofs: candidates.map(({ proof }) => proof) };
    return proposeRules(command, invocation, { title: 'Other rules of deciding', rules, options });
  });
}

interface Seats {
  readonly candidates: readonly { readonly voter: string; readonly key: string }[];
  readonly leave: readonly string[];
  readonly invocation: Invocation;
}

/** Everybody who votes after the change, with their keys. */
async function electorate(command: Command, { candidates, leave, invocation }: Seats): Promise<Record<string, string>> {
  const { voters } = await withSession(command, invocation, (session) => session.call('gov.rules', {}));
  const stranger = leave.find((name) => !Object.hasOwn(voters, name));
  if (stranger !== undefined) throw new CliError('USAGE', `${stranger} is no voter of this village`);
  const staying = Object.entries(voters).filter(([name]) => !leave.includes(name));
  return Object.fromEntries([
    ...staying.map(([name, { key }]) => [name, key] as const),
    ...candidates.map(({ voter, key }) => [voter, key] as const),
  ]);
}

function changesIn(text: string): object {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new CliError('FILE_UNREADABLE', 'the changes are no JSON object');
}

function several(text: string, before: readonly string[]): readonly string[] {
  if (text === '') throw new InvalidArgumentError('it is empty.');
  return [...before, text];
}
