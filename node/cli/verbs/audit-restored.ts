import { type Command, InvalidArgumentError } from 'commander';
import { type AddVerb, withSession } from '../invocation.ts';

/** A log that was put back from a copy: one verb for each witness, one for the node itself. */
export const addRestored: AddVerb = (audit: Command, invocation) => {
  const { terminal } = invocation;
  audit
    .command('accept <node>')
    .description(
      'on a witness: takes it that this node’s log was put back from a copy, and prints what to give to `audit restored` there',
    )
    .requiredOption('--after <entry>', 'the last entry that the log still has as it was', entry)
    .requiredOption('--reason <text>', 'why it is believed: both logs keep it')
    .action((node: string, { after, reason }: { readonly after: number; readonly reason: string }, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('audit.accept', { node, after, reason });
        terminal.note(
          `what was held of entries ${answer.from} to ${answer.to} is put aside; it stays in \`audit anchors\``,
        );
        terminal.answer(answer, answer.acceptance);
      }),
    );
  audit
    .command('restored <acceptance>')
    .description('on the node whose log was put back: puts on record what a witness accepted')
    .requiredOption('--reason <text>', 'how the entries were lost')
    .action((acceptance: string, { reason }: { readonly reason: string }, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('audit.restored', { acceptance, reason });
        const { by, from, to, entry: seq } = answer;
        terminal.answer(answer, `entries ${from} to ${to} as ${by} had seen them are lost: on record in entry ${seq}`);
      }),
    );
};

function entry(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('the number of an entry, or 0.');
}
