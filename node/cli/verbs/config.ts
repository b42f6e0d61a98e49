import { dirname, resolve } from 'node:path';
import { loadConfig } from '../../config/index.ts';
import type { AddVerb } from '../invocation.ts';

export const addConfig: AddVerb = (program, invocation) => {
  const { terminal } = invocation;
  const config = program.command('config').description('the configuration of a node');
  config
    .command('check <file>')
    .description('says whether a configuration would be accepted, and what is wrong with it')
    .action(async (given: string) => {
      const file = resolve(given);
      const { config: checked, notices } = await loadConfig({ dataDir: dirname(file), file, env: invocation.env });
      const servers = Object.keys(checked.mcpServers);
      const text = `${file} is valid: ${servers.length === 0 ? 'no servers' : `servers ${servers.join(', ')}`}`;
      terminal.answer({ ok: true, file, servers, notices }, text);
      if (!terminal.json) for (const notice of notices) terminal.note(notice);
    });
};
