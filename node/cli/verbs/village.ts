import { InvalidArgumentError } from 'commander';
import type { Level } from '../../../src/permissions/index.ts';
import { durationOption } from '../duration.ts';
import { type AddVerb, withSession } from '../invocation.ts';
import { levelOption, readAll } from './agents.ts';

/** `invite` and `join`: how a node becomes part of a village. */
export const addVillage: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  program
    .command('invite')
    .description('prints an invite with which another node may join this village')
    .addOption(durationOption('--ttl <duration>', 'how long it is good', '24h'))
    .option('--uses <count>', 'how many nodes may use it', count, 1)
    .addOption(levelOption('up to which level the new node may speak for its own agents').default('OPERATOR'))
    .option('--may-invite', 'the new node may invite others')
    .action((options: { ttl: number; uses: number; level: Level; mayInvite?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        const { ttl, uses, level, mayInvite } = options;
        const answer = await session.call('invite', { ttl_ms: ttl, uses, level, may_invite: mayInvite === true });
        for (const warning of answer.warnings) terminal.note(`warning: ${warning}`);
        terminal.answer(answer, answer.invite);
      }),
    );
  program
    .command('join <invite>')
    .description('admits this data folder to a village, once; - reads the invite from standard input')
    .option('--leave', 'leave the village this folder is in; its data is archived')
    .action((given: string, options: { leave?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        const invite = given === '-' ? (await readAll(invocation.stdin)).trim() : given;
        terminal.note('asking the member that made the invite …');
        const answer = await session.call('join', { invite, leave: options.leave === true });
        if (answer.archived !== undefined)
          terminal.note(`the village this folder was in is kept in ${answer.archived}`);
        const done = answer.joined ? 'joined' : 'this folder is already in';
        terminal.answer(answer, `${done} village ${answer.village_id.slice(0, 16)}…; \`village up\` starts the node`);
      }),
    );
};

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 10_000) throw new InvalidArgumentError('a number from 1 to 10000.');
  return value;
}
