import { sha256Hex } from '../../../src/kernel/index.ts';
import type { VerbInput } from '../../admin/index.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, withSession } from '../invocation.ts';
import { readAll } from './agents.ts';

/** `revoke`: takes back tokens, in the whole village. */
export const addRevoke: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  const revoke = program.command('revoke').description('takes tokens back, in the whole village');
  revoke
    .command('token <id>')
    .description(
      'one token that this node issued: its id (as the audit log shows it), its jti, or - for a token on standard input',
    )
    .action((given: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const named = given === '-' ? (await readAll(invocation.stdin)).trim() : withoutBearer(given);
        const answer = await session.call('revoke.token', whatIs(named));
        terminal.answer(answer, `${answer.token_id} ${answer.already ? 'was revoked before' : 'is revoked'}`);
        if (answer.on_record === false)
          terminal.note('no token of this id is on record as one that this node issued: is the id right?');
      }),
    );
  revoke
    .command('agent <name>')
    .description('every token that an agent was given until now; new ones can be made')
    .action((name: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('revoke.agent', { name });
        terminal.answer(answer, `every token of ${answer.agent} until now is revoked`);
      }),
    );
};

/** Anyone on the machine can read the arguments of a command. */
function withoutBearer(given: string): string {
  if (!given.includes('.')) return given;
  throw new CliError('USAGE', 'a token does not belong among the arguments, where others can read it', {
    hint: 'give it on standard input: `village revoke token -`',
  });
}

function whatIs(named: string): VerbInput<'revoke.token'> {
  if (/^[0-9a-f]{64}$/.test(named)) return { token_id: named };
  if (named.includes('.')) return { token: named };
  if (/^[\w-]{1,128}$/.test(named)) return { token_id: sha256Hex(named) };
  throw new CliError('USAGE', 'this is no token, nor the id or jti of one', {
    hint: '`village audit export` shows the id of the token behind every call',
  });
}
