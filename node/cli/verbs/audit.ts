import { type Command, InvalidArgumentError, Option } from 'commander';
import { type MatchedExports, matchExports } from '../../audit/index.ts';
import { publicKeyOfPeerId } from '../../../src/kernel/index.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, type Invocation, withSession } from '../invocation.ts';
import type { Session } from '../session.ts';
import { verifyExported } from './audit-exported.ts';
import { anchorsIn, linesIn } from './audit-files.ts';
import { addRestored } from './audit-restored.ts';
import { wholeHash } from './gov-act.ts';
import { acceptedLines, lineOf, matchLines, witnessLines } from './audit-lines.ts';

type Place = number | string;
interface Range {
  readonly from?: Place;
  readonly to?: Place;
}

interface VerifyOptions extends Range {
  readonly anchors?: string;
  readonly against?: string;
  readonly export?: string;
  readonly village?: string;
}

const VERIFY_TIMEOUT_MS = 600_000;

export const addAudit: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  const audit = program.command('audit').description('the record of every call and every refusal');
  audit
    .command('tail')
    .description('prints entries as they are written, until interrupted')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        try {
          for await (const entry of session.stream('audit.tail', {})) terminal.answer(entry, lineOf(entry));
        } catch (error) {
          if (!invocation.signal.aborted) throw error; // interrupted: that is how it ends
        }
      }),
    );
  withRange(audit.command('export').description('prints entries, one JSON object a line')).action(
    (range: Range, command) =>
      withSession(command, invocation, async (session) => {
        for await (const entry of session.stream('audit.export', checked(range)))
          await write(invocation, `${JSON.stringify(entry)}\n`);
      }),
  );
  withRange(audit.command('verify').description('checks that no entry was changed, removed or moved'))
    .option(
      '--anchors <file>',
      'what witnesses hold of this log: lines of `village audit anchors --of NODE` on their nodes',
    )
    .option('--against <file>', 'another node’s export: finds calls between the two that only one side has')
    .option('--export <file>', 'an exported log, alone or with --anchors: needs no node and no data folder')
    .addOption(new Option('--village <id>', 'with --export: the village whose log it is').argParser(wholeHash))
    .action(({ anchors: file, against, export: exported, village, ...range }: VerifyOptions, command) => {
      if (exported !== undefined) {
        if (against !== undefined || range.from !== undefined || range.to !== undefined)
          throw new CliError('USAGE', '--export goes with --anchors and --village alone');
        return verifyExported(exported, { village, anchors: file }, invocation);
      }
      if (village !== undefined) throw new CliError('USAGE', '--village goes with --export');
      return withSession(command, invocation, async (session) => {
        const input = file === undefined ? checked(range) : { ...checked(range), anchors: await anchorsIn(file) };
        const verdict = await session.call('audit.verify', input, { timeoutMs: VERIFY_TIMEOUT_MS });
        const matched = against === undefined ? undefined : await matchedWith(against, session);
        const { broken_at: broken } = verdict;
        if (!verdict.ok && !terminal.json) {
          for (const line of [...witnessLines(verdict), ...acceptedLines(verdict)]) terminal.note(`before it: ${line}`);
          throw new CliError('BROKEN_CHAIN', `entry ${broken?.seq}: ${broken?.message} (${broken?.kind})`);
        }
        terminal.answer(
          matched === undefined ? verdict : { ...verdict, against: matched },
          [
            `${verdict.checked} entries, every one in its place`,
            ...witnessLines(verdict),
            ...acceptedLines(verdict),
            ...(matched === undefined ? [] : matchLines(matched)),
          ].join('\n'),
        );
        if (!verdict.ok || (matched !== undefined && !agrees(matched))) invocation.exitCode = 1;
      });
    });
  audit
    .command('anchors')
    .description('prints what witnesses signed of this log, or what this node holds of another one, a line each')
    .option('--of <node>', 'the node whose log it is; this node by default')
    .action(({ of }: { readonly of?: string }, command) => {
      if (of !== undefined && publicKeyOfPeerId(of) === undefined)
        throw new CliError('USAGE', `--of ${of} is no node id`, { hint: '`village peers` has those of this village' });
      return withSession(command, invocation, async (session) => {
        const { anchors } = await session.call('audit.anchors', of === undefined ? {} : { of });
        for (const anchored of anchors) await write(invocation, `${JSON.stringify(anchored)}\n`);
        if (anchors.length > 0) return;
        terminal.note(
          of === undefined ? 'nobody has countersigned this log' : `this node holds nothing of the log of ${of}`,
        );
        if (of !== undefined) invocation.exitCode = 1;
      });
    });
  addRestored(audit, invocation);
};

/** Whether the other log is one, whole, and says the same. */
function agrees({ other, own, intact, mismatches }: MatchedExports): boolean {
  return other !== undefined && !own && intact && mismatches.length === 0;
}

function matchedWith(file: string, session: Session): Promise<MatchedExports> {
  return matchExports(linesIn(file), session.stream('audit.export', {}));
}

function withRange(command: Command): Command {
  return command
    .option('--from <place>', 'first entry: a sequence number or an ISO time', place)
    .option('--to <place>', 'last entry: a sequence number or an ISO time', place);
}

/** Nothing at all would be found whole. Errors: USAGE. */
function checked(range: Range): Range {
  const { from, to } = range;
  if (from !== undefined && to !== undefined && typeof from === typeof to && from > to)
    throw new CliError('USAGE', `--from ${from} lies behind --to ${to}`);
  return range;
}

function place(text: string): Place {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('a sequence number, or a time such as 2026-01-31T12:00:00Z.');
  return time.toISOString();
}

/** Waits for a slow reader: an export can be larger than memory. */
async function write(invocation: Invocation, text: string): Promise<void> {
  if (invocation.stdout.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const gone = () => reject(new CliError('INTERRUPTED', 'interrupted'));
    invocation.signal.addEventListener('abort', gone, { once: true });
    invocation.stdout.once('drain', () => {
      invocation.signal.removeEventListener('abort', gone);
      resolve();
    });
  });
}
