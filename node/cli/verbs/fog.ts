import { type Command, Option } from 'commander';
import { EXIT } from '../exit.ts';
import { type AddVerb, type Invocation, withSession } from '../invocation.ts';
import { listing } from '../terminal.ts';
import { ask, coordinator, show, type Value } from './fog-act.ts';
import { addOwnMachine } from './fog-machine.ts';
import { nodesTable, planText, rowsIn, shardsTable, timelineTable, whyText } from './fog-tables.ts';
import { amount, wantedOptions, type WantedOptions, wantedOf } from './fog-wanted.ts';
import { durationOption } from '../duration.ts';

/** `fog`: where agents run. Placing speaks as an agent, through the same tools that agents call. */
export const addFog: AddVerb = (program, invocation) => {
  const fog = program.command('fog').description('run shards of agents on the machines of the village');
  addLooks(fog, invocation);
  addPlacing(fog, invocation);
  addOwnMachine(fog, invocation);
};

interface NodesOptions {
  readonly cpu: number;
  readonly memory: number;
  readonly gpu?: boolean;
  readonly wide?: boolean;
}

function addLooks(fog: Command, invocation: Invocation): void {
  const { terminal } = invocation;
  fog
    .command('nodes')
    .description('the nodes that have room now')
    .option('--cpu <cores>', 'at least so many cores free', amount, 0)
    .option('--memory <gib>', 'at least so many GiB free', amount, 0)
    .option('--gpu', 'with a free GPU')
    .option('--wide', 'with all that is known')
    .action(({ cpu, memory, gpu, wide }: NodesOptions, command) => {
      const args = { min_cpu_cores: cpu, min_memory_gb: memory, gpu_required: gpu === true };
      return look(command, invocation, { tool: 'discover_fog_nodes', args }, (value) =>
        nodesTable(value, { wide: wide === true }),
      );
    });
  fog
    .command('ps')
    .description('the shards of the village')
    .option('--node <id>', 'only those on that node')
    .option('--type <agent>', 'only those of that kind of agent')
    .action(({ node, type }: { node?: string; type?: string }, command) => {
      const args = {
        ...(node === undefined ? {} : { node_id: node }),
        ...(type === undefined ? {} : { agent_type: type }),
      };
      return look(command, invocation, { tool: 'list_shards', args }, (value) => shardsTable(rowsIn(value, 'shards')));
    });
  fog
    .command('status')
    .description('one deployment, or ID/SLOT, and what happened to it')
    .argument('<id>', 'as `fog ps` shows it')
    .action((id: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answered = await ask(session, { tool: 'get_shard_status', args: { shard_id: id } });
        const explained =
          answered.kind === 'done' ? await ask(session, { tool: 'explain_shard', args: { shard_id: id } }) : undefined;
        const timeline = explained?.kind === 'done' ? explained.value['timeline'] : undefined;
        const whole = timeline === undefined ? answered : { ...answered, value: { ...answered.value, timeline } };
        const exitCode = show(whole, {
          terminal,
          text: (value) => `${deploymentText(value)}\n\n${timelineTable(value)}`,
        });
        // That it is blocked is an answer to who asks how it is; that nobody knows is none.
        invocation.exitCode = answered.kind === 'done' && exitCode === EXIT.failed ? EXIT.done : exitCode;
      }),
    );
  fog
    .command('why')
    .description('why it is where it is, or nowhere')
    .argument('<id>', 'as `fog ps` shows it')
    .action((id: string, _options, command) =>
      look(command, invocation, { tool: 'explain_shard', args: { shard_id: id } }, whyText),
    );
}

function addPlacing(fog: Command, invocation: Invocation): void {
  const { terminal } = invocation;
  wantedOptions(fog.command('plan').description('where a deployment would go; asks nobody and holds nothing'))
    .addOption(asAgent())
    .action((type: string, options: WantedOptions, command) =>
      look(command, invocation, { tool: 'plan_agent_shard', args: wantedOf(type, options) }, planText),
    );
  wantedOptions(fog.command('deploy').description('runs a shard of an agent, and keeps it running'))
    .addOption(new Option('--wait <for>', 'what is waited for').choices(['accepted', 'running']).default('running'))
    .option('--replace', 'instead of what runs under that id')
    .addOption(durationOption('--timeout <duration>', 'how long to wait; it goes on afterwards', '30s'))
    .addOption(asAgent())
    .action((type: string, options: DeployOptions, command) =>
      withSession(command, invocation, async (session) => {
        const { agent = await coordinator(session), wait, replace, timeout: timeoutMs } = options;
        const args = { ...wantedOf(type, options), wait, ...(replace === true ? { replace } : {}) };
        const answered = await ask(session, { tool: 'deploy_agent_shard', args, agent, timeoutMs });
        invocation.exitCode = show(answered, { terminal, text: deploymentText });
      }),
    );
  fog
    .command('stop')
    .description('ends a deployment everywhere')
    .argument('<id>', 'as `fog ps` shows it')
    .addOption(asAgent())
    .action((id: string, { agent }: { agent?: string }, command) =>
      withSession(command, invocation, async (session) => {
        const speaker = agent ?? (await coordinator(session));
        const answered = await ask(session, { tool: 'stop_agent_shard', args: { shard_id: id }, agent: speaker });
        invocation.exitCode = show(answered, { terminal, text: (value) => shardsTable(rowsIn(value, 'shards')) });
      }),
    );
}

interface DeployOptions extends WantedOptions {
  readonly agent?: string;
  readonly wait: string;
  readonly replace?: boolean;
  readonly timeout: number;
}

async function look(
  command: Command,
  invocation: Invocation,
  asked: { readonly tool: string; readonly args: Value },
  text: (value: Value) => string,
): Promise<void> {
  await withSession(command, invocation, async (session) => {
    const { agent } = command.opts<{ agent?: string }>();
    const answered = await ask(session, { ...asked, agent });
    invocation.exitCode = show(answered, { terminal: invocation.terminal, text });
  });
}

function deploymentText(value: Value): string {
  const { shards: _, timeline: __, per_node: ___, ...facts } = value;
  const why = value['code'] === undefined ? '' : `\n\n${whyText(value)}`;
  return `${listing(facts)}\n\n${shardsTable(rowsIn(value, 'shards'))}${why}`;
}

const asAgent = (): Option => new Option('--agent <name>', 'in whose name; magi by default where its key is here');
