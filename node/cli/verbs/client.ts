import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { applyPlan, isConnected, planEntry } from '../client-config.ts';
import { CLIENTS } from '../clients.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, dataOf, type Invocation } from '../invocation.ts';
import { table } from '../terminal.ts';

export const addClient: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  const client = program.command('client').description('MCP clients on this machine');
  client
    .command('list')
    .description('the clients that are known, and which of them use this village')
    .action(async () => {
      const clients = await Promise.all(
        CLIENTS.map(async (known) => {
          const file = known.configFile(placeOf(invocation));
          const found = existsSync(file) || (dirname(file) !== homeOf(invocation) && existsSync(dirname(file)));
          return { name: known.name, title: known.title, found, connected: await isConnected(known, file), file };
        }),
      );
      terminal.answer({ clients }, table(clients, ['name', 'title', 'found', 'connected', 'file']));
    });
  client
    .command('connect <client>')
    .description("writes the bridge to this village into a client's configuration, with a backup")
    .option('--agent <name>', 'as this agent')
    .option('--dry-run', 'print what would be written, and write nothing')
    .action(async (name: string, options: { agent?: string; dryRun?: boolean }, command) => {
      const known = CLIENTS.find((candidate) => candidate.name === name);
      if (known === undefined) {
        throw new CliError(
          'CLIENT_UNKNOWN',
          `${name} is not a known client (known: ${CLIENTS.map((each) => each.name).join(', ')})`,
        );
      }
      const asAgent = options.agent === undefined ? [] : ['--agent', options.agent];
      const entry = {
        command: process.execPath,
        args: [process.argv[1] ?? '', 'connect', '--data', dataOf(command), ...asAgent],
      };
      const plan = await planEntry(known, known.configFile(placeOf(invocation)), entry);
      const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
      const backup = options.dryRun === true ? undefined : await applyPlan(plan, { stamp });
      const written = options.dryRun !== true;
      terminal.answer(
        { client: name, file: plan.file, written, backup, entry },
        written
          ? `${plan.file} names the village; restart ${known.title}${backup === undefined ? '' : ` (before: ${backup})`}`
          : plan.after,
      );
    });
};

function homeOf({ env }: Invocation): string {
  return env['HOME'] ?? homedir();
}

function placeOf(invocation: Invocation) {
  return { env: invocation.env, platform: process.platform, home: homeOf(invocation) };
}
