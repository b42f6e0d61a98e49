import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { AuditVerdict } from '../../admin/index.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, type Invocation, withSession } from '../invocation.ts';
import { printable } from '../terminal.ts';

type Place = number | string;
interface Range {
  readonly from?: Place;
  readonly to?: Place;
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
        for await (const entry of session.stream('audit.export', range))
          await write(invocation, `${JSON.stringify(entry)}\n`);
      }),
  );
  withRange(audit.command('verify').description('checks that no entry was changed, removed or moved'))
    .option(
      '--anchors <file>',
      'what witnesses hold of this log: lines of `village audit anchors --of NODE` on their nodes',
    )
    .action(({ anchors: file, ...range }: Range & { readonly anchors?: string }, command) =>
      withSession(command, invocation, async (session) => {
        const input = file === undefined ? range : { ...range, anchors: await anchorsIn(file) };
        const verdict = await session.call('audit.verify', input, { timeoutMs: VERIFY_TIMEOUT_MS });
        const { broken_at: broken } = verdict;
        if (!verdict.ok && !terminal.json)
          throw new CliError('BROKEN_CHAIN', `entry ${broken?.seq}: ${broken?.message} (${broken?.kind})`);
        terminal.answer(
          verdict,
          [`${verdict.checked} entries, every one in its place`, ...witnessLines(verdict)].join('\n'),
        );
        if (!verdict.ok) invocation.exitCode = 1;
      }),
    );
  audit
    .command('anchors')
    .description('prints what witnesses signed of this log, or what this node holds of another one, a line each')
    .option('--of <node>', 'the node whose log it is; this node by default')
    .action(({ of }: { readonly of?: string }, command) =>
      withSession(command, invocation, async (session) => {
        const { anchors } = await session.call('audit.anchors', of === undefined ? {} : { of });
        for (const anchored of anchors) await write(invocation, `${JSON.stringify(anchored)}\n`);
      }),
    );
};

/** How far others vouch for what was checked, and the window in which only this node does. */
function witnessLines({ witnessed }: AuditVerdict): string[] {
  if (witnessed === undefined) return [];
  const { to, by, entries_since: entries, since, alone } = witnessed;
  const lines = to === 0 ? [] : [`up to entry ${to} countersigned by ${by.join(', ')}`];
  if (entries > 0)
    lines.push(
      `${entries} entries that nobody else has seen yet${since === undefined ? '' : `, the first of ${since}`}`,
    );
  if (to === 0) {
    lines.push(
      alone
        ? 'no witness: there is no other node to ask, and a node alone can rewrite its whole log'
        : 'no witness yet: other nodes are connected and have not countersigned',
    );
  }
  return lines;
}

async function anchorsIn(file: string): Promise<{ head: string; anchor: string }[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read`, { cause: error });
  }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      try {
        const { head, anchor } = JSON.parse(line) as { head?: unknown; anchor?: unknown };
        if (typeof head === 'string' && typeof anchor === 'string') return { head, anchor };
      } catch {
        // said below
      }
      throw new CliError('USAGE', `line ${index + 1} of ${file} is no anchor`);
    });
}

function withRange(command: Command): Command {
  return command
    .option('--from <place>', 'first entry: a sequence number or an ISO time', place)
    .option('--to <place>', 'last entry: a sequence number or an ISO time', place);
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

function lineOf(entry: object): string {
  const { seq, atMs, kind, agentId, method, server, target, outcome, reason } = entry as Record<
    string,
    string | number | undefined
  >;
  const time = typeof atMs === 'number' ? new Date(atMs).toISOString() : '';
  return printable(
    [seq, time, kind, agentId, method, server, target, outcome, reason]
      .filter((part) => part !== undefined && part !== '')
      .join('  '),
  );
}
