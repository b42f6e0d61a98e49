import type { Command } from 'commander';
import { loadConfig, type Origins } from '../../config/index.ts';
import { dataFolderOf } from '../data-folder.ts';
import { EXIT } from '../exit.ts';
import { type AddVerb, aborted, dataOf, type Invocation } from '../invocation.ts';
import type { Ready, VillageNode } from '../ports.ts';
import { printable } from '../terminal.ts';
import { readAll } from './agents.ts';

interface UpFlags {
  readonly gateway?: string;
  readonly admin?: string;
  readonly listen?: string[];
  readonly join?: string;
  readonly config?: string;
  readonly printConfig?: boolean;
}

/** A node that does not stop by itself is left behind after this; SIGTERM promises an end within 5 s. */
const STOP_TIMEOUT_MS = 4500;

export const addUp: AddVerb = (program, invocation) => {
  program
    .command('up')
    .description('runs the node in the foreground; the first start makes its keys and, unless joining, a village')
    .option('--gateway <host:port>', 'where agents connect')
    .option('--admin <host:port>', 'where metrics and the command line connect')
    .option(
      '--listen <multiaddr>',
      'where peers connect; may be given more than once',
      (value: string, all: string[] | undefined) => [...(all ?? []), value],
    )
    .option('--join <invite>', 'join the village of this invite first; - reads it from standard input')
    .option('--config <file>', 'a configuration file instead of village.json in the data folder')
    .option('--print-config', 'print each value of the configuration and where it came from, and start nothing')
    .action((flags: UpFlags, command: Command) =>
      flags.printConfig === true ? printConfig(flags, command, invocation) : up(flags, command, invocation),
    );
};

async function up(flags: UpFlags, command: Command, invocation: Invocation): Promise<void> {
  const invite = await inviteOf(flags, invocation);
  const dataDir = dataOf(command);
  const options = { dataDir, configFile: flags.config, flags: configFlags(flags), env: invocation.env };
  // An invite is redeemed once: what starts again is a member.
  for (let again = false; ; again = true) {
    const node = await invocation.ports.createNode({ ...options, invite: again ? undefined : invite });
    if (!(await runs(node, dataDir, invocation))) return;
    invocation.terminal.note('starting again …');
  }
}

/** Runs the node until it is to end; answers whether it is to start again. */
async function runs(node: VillageNode, dataDir: string, invocation: Invocation): Promise<boolean> {
  const { terminal, signal } = invocation;
  let ready: Ready;
  try {
    ready = await node.start({ signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    await stopped(node, invocation);
    return false;
  }
  terminal.answer(readyLine(ready), welcome(ready, dataDir));
  await Promise.race([aborted(signal), node.restartAsked()]);
  const isDown = await stopped(node, invocation);
  return isDown && !signal.aborted;
}

/** An invite lets its holder in: it stays in the list of processes, for all users to read, no longer than it must. */
async function inviteOf({ join }: UpFlags, { stdin }: Invocation): Promise<string | undefined> {
  if (join === undefined) return undefined;
  if (join === '-') return (await readAll(stdin)).trim();
  process.title = 'village up';
  return join;
}

/** Answers whether it stopped in time. */
async function stopped(node: VillageNode, invocation: Invocation): Promise<boolean> {
  invocation.terminal.note('stopping …');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, STOP_TIMEOUT_MS, 'late');
  });
  const end = await Promise.race([node.stop(invocation.signal.aborted ? 'signal' : 'restart'), late]);
  clearTimeout(timer);
  if (end !== 'late') return true;
  invocation.terminal.note(`the node did not stop within ${STOP_TIMEOUT_MS} ms and is left behind`);
  invocation.exitCode = EXIT.failed;
  return false;
}

function readyLine(ready: Ready): object {
  return {
    event: 'ready',
    node_id: ready.nodeId,
    village_id: ready.villageId,
    gateway: ready.gateway,
    gateway_pin: ready.gatewayPin,
    admin: ready.admin,
    addresses: ready.addresses,
    pid: process.pid,
    started_ms: ready.startedMs,
  };
}

function welcome(ready: Ready, dataDir: string): string {
  const script = process.argv[1] ?? 'village';
  const village = script.endsWith('.ts') ? 'npm run -s village --' : 'village';
  const folder = dataDir === dataFolderOf(undefined) ? '' : ` --data ${dataDir}`;
  const bridge = { command: process.execPath, args: [script, 'connect', '--data', dataDir] };
  return `node      ${ready.nodeId}
village   ${ready.villageId}
agents    ${ready.gateway}${ready.gatewayPin === undefined ? '' : `\npin       ${ready.gatewayPin}`}
admin     ${ready.admin}
peers     ${ready.addresses.join('\n          ')}
data      ${dataDir}

Connect an agent (any MCP client):
  over stdio   ${JSON.stringify({ mcpServers: { village: bridge } })}
  over HTTP    ${ready.gateway}  with the header  Authorization: Bearer TOKEN  of  ${village} token${folder}
Bring in another machine:  ${village} invite${folder}  here, then  ${village} up --join INVITE  there.
Ctrl-C stops the node.`;
}

async function printConfig(flags: UpFlags, command: Command, invocation: Invocation): Promise<void> {
  const loaded = await loadConfig({
    dataDir: dataOf(command),
    file: flags.config,
    env: invocation.env,
    flags: configFlags(flags),
  });
  for (const notice of loaded.notices) invocation.terminal.note(notice);
  invocation.terminal.answer(
    { file: loaded.file, present: loaded.present, values: Object.fromEntries(loaded.origins) },
    originLines(loaded.origins),
  );
}

function originLines(origins: Origins): string {
  return [...origins]
    .map(([path, { value, origin }]) => printable(`${path} = ${JSON.stringify(value)}  (${origin})`))
    .join('\n');
}

function configFlags({ gateway, admin, listen }: UpFlags) {
  return { gateway, admin, listen };
}
