import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { type Level, LEVELS } from '../../../src/permissions/index.ts';
import { durationOption } from '../duration.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, withSession } from '../invocation.ts';
import { table } from '../terminal.ts';
import { proposeAgent } from './agents-village.ts';

export const levelOption = (description: string) => new Option('--level <level>', description).choices([...LEVELS]);

const MAX_KEY_FILE_BYTES = 1024 * 1024;

/** `token` and `agents`: who speaks, and with which key. */
export const addAgents: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  program
    .command('token')
    .description('prints a token for an agent, and nothing else')
    .option('--agent <name>', 'whom it is for (the default agent otherwise)')
    .addOption(durationOption('--ttl <duration>', 'how long it is good', '1h'))
    .addOption(levelOption('a lower level than the agent has'))
    .action((options: { agent?: string; ttl: number; level?: Level }, command) =>
      withSession(command, invocation, async (session) => {
        const { ttl, ...rest } = options;
        const answer = await session.call('token', { ...rest, ttl_ms: ttl });
        terminal.answer(answer, answer.token);
      }),
    );

  const agents = program.command('agents').description('the agents this village knows');
  agents
    .command('list')
    .description('all agents, their levels, and whose keys are here')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('agents.list', {});
        terminal.answer(answer, table(answer.agents, ['name', 'level', 'kind', 'has_key']));
      }),
    );
  agents
    .command('add <name>')
    .description("makes an agent of this node's own, NAME@NODE")
    .addOption(levelOption('what it may do').makeOptionMandatory())
    .option('--village', 'propose it as an agent of the whole village')
    .option('--vote', 'with --village: cast the votes of the keys that are here')
    .action((name: string, options: { level: Level; village?: boolean; vote?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        if (options.village !== true && options.vote === true)
          throw new CliError('USAGE', '--vote goes with --village');
        if (options.village === true) return proposeAgent(session, { name, ...options }, invocation);
        const answer = await session.call('agents.add', { name, level: options.level });
        terminal.answer(answer, `${answer.name} (${answer.level})`);
      }),
    );

  const key = agents.command('key').description('the keys of agents');
  key
    .command('export <name>')
    .description("prints an agent's private key (a JWK); for a voter this moves the key")
    .action((name: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('agents.key.export', { name });
        terminal.answer(answer.key, JSON.stringify(answer.key, null, 2));
        if (answer.moved) terminal.note(`the key of ${name} has left this node: import it where it is to live`);
      }),
    );
  key
    .command('import <file>')
    .description('takes a key that was exported; - reads standard input')
    .action((file: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('agents.key.import', { key: await readKey(file, invocation.stdin) });
        terminal.answer(answer, `the key of ${answer.name} is here`);
      }),
    );
};

async function readKey(file: string, stdin: NodeJS.ReadableStream): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(file === '-' ? await readAll(stdin) : await readFile(file, 'utf8'));
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read as a key`, {
      cause: error,
      hint: 'give the file that `village agents key export NAME` printed',
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CliError('FILE_UNREADABLE', `${file} holds no key`, {
    hint: 'give the file that `village agents key export NAME` printed',
  });
}

/** Everything on a stream, up to what a key can be. */
export async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > MAX_KEY_FILE_BYTES) throw new CliError('FILE_UNREADABLE', 'standard input is too long');
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}
