import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Value } from './fog-act.ts';

export interface WantedOptions {
  readonly id?: string;
  readonly node?: string;
  readonly fallback?: boolean;
  readonly cpu?: number;
  readonly memory?: number;
  readonly gpu?: number;
  readonly slots?: number;
  readonly priority?: string;
  readonly mode?: string;
  readonly artifact?: string;
  readonly args?: Value;
  readonly label?: Readonly<Record<string, string>>;
}

/** What is to run, as words of the command line. */
export function wantedOptions(command: Command): Command {
  return command
    .argument('<agent-type>', 'magi, sage, king, oracle, twin or any other kind')
    .option('--id <shard-id>', 'your name for it; the kind of agent by default')
    .option('--node <id>', 'on that node')
    .option('--fallback', 'on another node if that one cannot')
    .option('--cpu <cores>', 'cores for each slot', amount)
    .option('--memory <gib>', 'GiB for each slot', amount)
    .option('--gpu <count>', 'GPUs for each slot', whole)
    .option('--slots <count>', 'so many of it', whole)
    .addOption(new Option('--priority <class>').choices(['low', 'normal', 'high', 'emergency']))
    .addOption(new Option('--mode <mode>').choices(['exclusive', 'at_least_once']))
    .option('--artifact <ref>', 'role:agent, cmd:NAME or mod:sha256:HEX')
    .option('--args <json>', 'handed to each shard, a JSON object', jsonObject)
    .option('--label <name=value>', 'that a node must have; repeatable', label);
}

export function wantedOf(type: string, options: WantedOptions): Value {
  const { id = type, node, fallback, cpu, memory, gpu, slots, priority, mode, artifact, args, label: labels } = options;
  const wanted = {
    agent_type: type,
    shard_id: id,
    target_node: node,
    allow_fallback: fallback,
    resource_allocation: stated({ cpu_cores: cpu, memory_gb: memory, priority }),
    gpu,
    slots,
    mode,
    artifact,
    args,
    labels,
  };
  return stated(wanted);
}

function stated(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

export function amount(text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('a number, for example 1.5.');
}

function whole(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number.');
}

function label(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function jsonObject(text: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('it is not JSON.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Value;
  throw new InvalidArgumentError('it must be a JSON object.');
}
