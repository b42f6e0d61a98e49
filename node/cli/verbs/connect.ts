import { setTimeout as pause } from 'node:timers/promises';
import { AdminClient, findRunning, readRunFile } from '../../admin/index.ts';
import { clientCertificateAt, type Trust } from '../../trust/index.ts';
import { CliError } from '../exit.ts';
import { type AddVerb, aborted, dataOf } from '../invocation.ts';

const TOKEN_WAIT_MS = 10_000;
const LOOK_AGAIN_MS = 100;

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
        readRunFile: () => gatewayOf(dataDir),
        token: () => tokenOfNode(dataDir, options, invocation.signal),
      });
      await Promise.race([bridge, aborted(invocation.signal)]);
    });
};

/** Where the node's gateway is, and how to know it: this folder is where it wrote its key down. */
function gatewayOf(dataDir: string): { gateway: string; trust?: Trust } | undefined {
  const run = readRunFile(dataDir);
  if (run?.gateway_pin === undefined) return run;
  const { gateway, gateway_pin: pin, gateway_client: client } = run;
  return { gateway, trust: { pin, ...(client === undefined ? {} : clientCertificateAt(client)) } };
}

/**
 * A token from the running node. Never from the files: opening them would keep a node that is just starting from its own folder.
 * A node that restarted may answer agents a moment before its run.json is there.
 */
async function tokenOfNode(dataDir: string, input: { agent?: string }, signal: AbortSignal): Promise<string> {
  const until = performance.now() + TOKEN_WAIT_MS;
  do {
    const found = await findRunning(dataDir);
    if (found.kind === 'running') {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(TOKEN_WAIT_MS)]);
      return (await new AdminClient(found.run).call('token', input, { signal: limited })).token;
    }
    await pause(LOOK_AGAIN_MS, undefined, { signal });
  } while (performance.now() < until);
  throw new CliError('NO_NODE', `no node runs on ${dataDir}`, { hint: 'start one with `village up`' });
}
