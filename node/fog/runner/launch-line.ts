import { availableParallelism } from 'node:os';
import { readFileSync } from 'node:fs';
import type { Enforcement, Priority } from '../../../src/fog/index.ts';
import { scopeWords, watchedWords } from './enforcement.ts';
import { LAST_WORDS } from './guard-messages.ts';
import type { ModuleFile, Program } from './port.ts';

/** V8's heap beside Buffers, stacks and code; more than that share of a limit and it learns of it only by being killed. */
const HEAP_SHARE = 0.75;
const MIN_HEAP_MIB = 16;
const NICE: Readonly<Record<Priority, number>> = { low: 15, normal: 10, high: 5, emergency: 0 };

export interface LaunchOptions {
  readonly tier: Enforcement;
  readonly cpuMilli: number;
  readonly memMib: number;
  readonly priority: Priority;
  readonly folder: string;
  /** Where the program's module was put, if it has one. */
  readonly modulePath: string | undefined;
  readonly placementId: string;
  /** Which of this machine's cores come first for this shard. */
  readonly turn: number;
}

/** The whole command line of a shard behind what holds it. */
export function launchLine(
  program: Extract<Program, { kind: 'process' }>,
  options: LaunchOptions,
): readonly [command: string, ...args: string[]] {
  const own = [program.command, ...moduleWords(program.module, options), ...program.args];
  const words = [...holding(options), ...own];
  return [words[0] as string, ...words.slice(1)];
}

function holding(options: LaunchOptions): string[] {
  const { tier, cpuMilli, memMib, priority, placementId, turn } = options;
  if (tier === 'none') return [];
  const watched = watchedWords({ nice: NICE[priority], cores: coresFor(cpuMilli, turn) });
  return tier === 'watchdog'
    ? watched
    : [...scopeWords({ memMib, cpuMilli, unit: `village-${placementId}` }), ...watched];
}

/** A list for taskset; empty: all that this process may use. */
export function coresFor(cpuMilli: number, turn: number): string {
  const allowed = allowedCores();
  const wanted = Math.max(1, Math.ceil(cpuMilli / 1000));
  if (wanted >= allowed.length) return '';
  return Array.from({ length: wanted }, (_, index) => allowed[(turn + index) % allowed.length]).join(',');
}

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
    return list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    return Array.from({ length: availableParallelism() }, (_, index) => index);
  }
}

/**
 * A seat belt, not a sandbox: code that means harm gets round it, and this Node cannot withhold the network by a flag. What holds a
 * module is its own process, its limits and its publisher's signature.
 */
function moduleWords(module: ModuleFile | undefined, { folder, modulePath }: LaunchOptions): string[] {
  if (module === undefined || modulePath === undefined) return [];
  const read = module.fsRead ? '*' : `${folder}/*`;
  return ['--permission', `--allow-fs-read=${read}`, `--allow-fs-write=${folder}/*`, modulePath];
}

/** What a shard's Node programs are told by the environment; others do not look at it. */
export function runtimeEnvironment(options: {
  readonly memMib: number;
  readonly cpuMilli: number;
  readonly folder: string;
  readonly own: string | undefined;
}): Readonly<Record<string, string>> {
  const { memMib, cpuMilli, folder, own } = options;
  const flags = [
    ...(own === undefined ? [] : [own]),
    `--max-old-space-size=${Math.max(MIN_HEAP_MIB, Math.floor(memMib * HEAP_SHARE))}`,
    '--report-on-fatalerror',
    '--report-compact',
    '--report-exclude-network',
    '--report-exclude-env',
    `--report-directory=${folder.includes(' ') ? `"${folder}"` : folder}`,
    `--report-filename=${LAST_WORDS}`,
  ];
  return { NODE_OPTIONS: flags.join(' '), UV_THREADPOOL_SIZE: String(Math.max(1, Math.ceil(cpuMilli / 1000))) };
}
