import type { TroubleRow } from '../../admin/index.ts';
import { type AddVerb, withSession } from '../invocation.ts';
import { listing, table } from '../terminal.ts';

/** `status`, `peers`, `servers`: what the running node sees. */
export const addLook: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  program
    .command('status')
    .description('how the running node is')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const status = await session.call('status', {});
        const { warnings, troubles, ...members } = status;
        const shown = Object.entries(members).map(([name, member]) => [name, inWords(member)]);
        terminal.answer(status, listing(Object.fromEntries(shown)));
        if (terminal.json) return;
        for (const trouble of troubles) terminal.note(explained(trouble));
        const rest = warnings.filter((warning) => !troubles.some(({ found }) => warning.startsWith(found)));
        for (const warning of rest) terminal.note(`warning: ${warning}`);
      }),
    );
  program
    .command('peers')
    .description('the peers this node is connected to')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('peers', {});
        terminal.answer(answer, table(answer.peers, ['node_id', 'address', 'direction', 'admitted']));
        if (terminal.json) return;
        for (const { node_id, other_revisions } of answer.peers) {
          for (const gap of other_revisions ?? []) terminal.note(`${node_id} speaks another revision of ${gap}`);
        }
      }),
    );
  const servers = program
    .command('servers')
    .description('the MCP servers of the village, and how they are')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('servers', {});
        terminal.answer(answer, table(answer.servers, ['alias', 'node_id', 'state', 'tools', 'problem']));
      }),
    );
  for (const [verb, description] of DRAINING) {
    servers
      .command(`${verb} <name>`)
      .description(description)
      .action((alias: string, _options, command) =>
        withSession(command, invocation, async (session) => {
          const answer = await session.call('servers.drain', { alias, undrain: verb === 'undrain' });
          terminal.answer(answer, `${answer.alias} ${answer.draining ? 'begins nothing more' : 'takes calls again'}`);
        }),
      );
  }
};

/** What, since when, what it means and what to do. */
function explained({ found, since, means, remedy, note }: TroubleRow): string {
  const began = since === undefined ? '' : ` (since ${since})`;
  return `${note === true ? 'note' : 'warning'}: ${found}${began}\n         ${means}\n         → ${remedy}`;
}

const DRAINING = [
  ['drain', 'lets a server of this node finish what runs and begin nothing: calls go to its replicas'],
  ['undrain', 'lets it take calls again'],
] as const;

/** An object in a line: each member after its name; of several objects, each so. Anything else as it is. */
function inWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inWords);
  if (typeof value !== 'object' || value === null) return value;
  const said = Object.entries(value).filter(([, member]) => member !== undefined);
  return said.map(([name, member]) => `${name.replaceAll('_', ' ')} ${String(member)}`).join(', ');
}
