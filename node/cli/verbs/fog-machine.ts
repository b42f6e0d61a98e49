import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { durationOption } from '../duration.ts';
import { type Invocation, withSession } from '../invocation.ts';
import { listing, printable } from '../terminal.ts';
import { reservationsTable } from './fog-tables.ts';

/** What an operator does with the own machine, whoever's shards run on it. */
export function addOwnMachine(fog: Command, invocation: Invocation): void {
  const { terminal } = invocation;
  fog
    .command('drain')
    .description('this node takes no shards any more, and ends what runs by the deadline')
    .addOption(durationOption('--deadline <duration>', 'when what is left is ended', '5m'))
    .action(({ deadline }: { deadline: number }, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('fog.drain', { deadline_ms: deadline, undrain: false });
        terminal.answer(answer, listing({ ...answer }));
      }),
    );
  fog
    .command('undrain')
    .description('this node takes shards again')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('fog.drain', { undrain: true });
        terminal.answer(answer, listing({ ...answer }));
      }),
    );
  for (const [verb, usage, description] of [
    ['reservations', false, 'what is held and runs on this node, and was over lately'],
    ['top', true, 'what the shards on this node use'],
  ] as const) {
    fog
      .command(verb)
      .description(description)
      .action((_options, command) =>
        withSession(command, invocation, async (session) => {
          const answer = await session.call('fog.here', {});
          const { capacity, free } = answer.ledger;
          terminal.answer(
            answer,
            `${listing({ capacity, free })}\n\n${reservationsTable(answer.reservations, { usage })}`,
          );
        }),
      );
  }
  fog
    .command('logs')
    .description('what a shard of this node, or on it, printed')
    .argument('<id>', 'as `fog ps` shows it')
    .option('-f, --follow', 'and what it prints from now on, until interrupted')
    .action((shard: string, { follow }: { follow?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        if (follow !== true) {
          const answer = await session.call('fog.logs', { shard });
          terminal.answer(answer, answer.lines.map(printable).join('\n'));
          return;
        }
        try {
          for await (const item of session.stream('fog.follow', { shard })) {
            terminal.answer(item, printable(String((item as { line?: unknown }).line)));
          }
        } catch (error) {
          if (!invocation.signal.aborted) throw error; // interrupted: that is how it ends
        }
      }),
    );
  fog
    .command('publish <file>')
    .description('signs a single-file module with this node’s key, for shards that are mod:sha256:HEX')
    .addOption(
      new Option('--fs <what>', 'files beside its own that it may read').choices(['own', 'read']).default('own'),
    )
    .option('--net', 'it uses the network')
    .option('--env <name>', 'a variable that a deployment may set; repeatable', several, [])
    .addOption(durationOption('--ttl <duration>', 'how long the signature is good', '30d'))
    .action((file: string, options: PublishOptions, command) =>
      withSession(command, invocation, async (session) => {
        const { fs, net = false, env, ttl } = options;
        const input = { path: resolve(file), fs, net, env: [...env], cpu_milli: 0, mem_mib: 0, ttl_ms: ttl };
        const answer = await session.call('fog.publish', input);
        terminal.answer(answer, answer.artifact);
      }),
    );
  fog
    .command('gc')
    .description('removes modules that nothing here runs or wants run')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('fog.gc', {});
        terminal.answer(answer, `${answer.removed.length} removed, ${answer.kept} kept`);
      }),
    );
}

interface PublishOptions {
  readonly fs: 'own' | 'read';
  readonly net?: boolean;
  readonly env: readonly string[];
  readonly ttl: number;
}

function several(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
