import { readRunFile } from '../../admin/index.ts';
import { type AddVerb, aborted, dataOf, withSession } from '../invocation.ts';

export const addConnect: AddVerb = (program, invocation) => {
  program
    .command('connect')
    .description('a stdio MCP server that stands for the local node; for desktop clients')
    .option('--agent <name>', 'as this agent (the default agent otherwise)')
    .action(async (options: { agent?: string }, command) => {
      const dataDir = dataOf(command);
      const bridge = invocation.ports.runBridge({
        input: invocation.stdin,
        output: invocation.stdout,
        readRunFile: () => readRunFile(dataDir),
        // A session of its own for each token: between two of them the node may have come or gone.
        token: () =>
          withSession(
            command,
            invocation,
            async (session) => (await session.call('token', options, { timeoutMs: 15_000 })).token,
          ),
      });
      await Promise.race([bridge, aborted(invocation.signal)]);
    });
};
