import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Enforcement } from '../../../src/fog/index.ts';
import { ChildrenFile } from '../../backends/children-file.ts';
import { commandPath } from '../../backends/command-path.ts';
import { childEnvironment } from '../../backends/environment.ts';
import { killMarked, signalGroup } from '../../backends/processes.ts';
import type { Reporter } from '../../telemetry/events.ts';
import { probeEnforcement } from './enforcement.ts';
import { GuardLink } from './guard-link.ts';
import { GuardedShard } from './guarded-shard.ts';
import type { GuardOrders } from './guard-messages.ts';
import { launchLine, runtimeEnvironment } from './launch-line.ts';
import type { EndReason, EnforcementFound, Program, Runner, RunningShard, ShardStart } from './port.ts';
import { allPids, carries, PLACEMENT_MARK } from './process-table.ts';
import { RoleShard } from './role-shard.ts';
import { RunnerError } from './runner-error.ts';
import { ShardFolders } from './shard-folder.ts';
import { ShardServers } from './shard-server.ts';

const PLACEMENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const CLOSE_GRACE_MS = 1_000;
const CLEAR_MS = 20;

export interface ShardRunnerOptions {
  readonly nodeId: string;
  /** The data folder; `run/shards.json` and the shards' own folders are kept in it. */
  readonly dataDir: string;
  readonly reporter: Reporter;
  /** Where the few inherited variables of shards are taken from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: the strongest that is found to work. */
  readonly tier?: Enforcement | undefined;
}

type ProcessProgram = Extract<Program, { kind: 'process' }>;

/** Runs shards as processes of this machine, each under a guard of its own; and built-in roles in this one. */
export class ShardRunner implements Runner {
  readonly #options: ShardRunnerOptions;
  readonly #run = randomBytes(12).toString('hex');
  readonly #file: ChildrenFile;
  readonly #folders: ShardFolders;
  readonly #servers: ShardServers;
  readonly #shards = new Set<RunningShard>();
  readonly #starting = new Set<Promise<RunningShard>>();
  /** Placements that are starting or not yet wholly ended. */
  readonly #taken = new Set<string>();
  #found: Promise<EnforcementFound> | undefined;
  #swept: Promise<number> | undefined;
  #turn = 0;
  #closed = false;

  constructor(options: ShardRunnerOptions) {
    this.#options = options;
    const folder = join(options.dataDir, 'run');
    this.#file = new ChildrenFile(folder, this.#run, { name: 'shards.json', variable: PLACEMENT_MARK });
    this.#folders = new ShardFolders(folder);
    this.#servers = new ShardServers(options);
  }

  sweep(): Promise<number> {
    this.#swept ??= this.#file.sweep().then(async (ended) => {
      await this.#folders.clear();
      return ended;
    });
    return this.#swept;
  }

  enforcement(): Promise<EnforcementFound> {
    this.#found ??= probeEnforcement();
    return this.#found;
  }

  async start(shard: ShardStart): Promise<RunningShard> {
    if (this.#closed) throw new RunnerError('RUNNER_CLOSED', 'the node stops');
    if (!PLACEMENT_ID.test(shard.placementId)) throw new RunnerError('RUNNER_INVALID', 'no placement id');
    const { placementId } = shard;
    if (this.#taken.has(placementId)) throw new RunnerError('RUNNER_INVALID', 'that placement runs already');
    this.#taken.add(placementId);
    const starting = this.#begin(shard);
    this.#starting.add(starting);
    try {
      const running = await starting;
      this.#shards.add(running);
      void running.exited.then(() => {
        this.#shards.delete(running);
        this.#taken.delete(placementId);
      });
      return running;
    } catch (error) {
      this.#taken.delete(placementId);
      throw error;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#shards].map((shard) => shard.stop('stopped', { graceMs: CLOSE_GRACE_MS })));
    await this.#folders.clear();
    await this.#file.delete();
  }

  async #begin(shard: ShardStart): Promise<RunningShard> {
    await this.sweep();
    const { program } = shard;
    if (program.kind === 'role') return new RoleShard(shard, program);
    if (process.platform === 'win32') {
      throw new RunnerError(
        'RUNNER_UNSUPPORTED',
        'shards do not run as processes on Windows: they could outlive the node',
      );
    }
    const folder = await this.#folders.make(shard);
    try {
      return await this.#guarded(shard, await this.#orders(shard, { program, folder }));
    } catch (error) {
      await this.#folders.remove(folder);
      throw error;
    }
  }

  async #orders(
    shard: ShardStart,
    { program, folder }: { readonly program: ProcessProgram; readonly folder: string },
  ): Promise<GuardOrders> {
    const { cpuMilli, memMib } = shard.resources;
    const tier = this.#options.tier ?? (await this.enforcement()).tier;
    const mark = `${this.#run}.${shard.placementId}`;
    const runtime = runtimeEnvironment({ memMib, cpuMilli, folder, own: program.env['NODE_OPTIONS'] });
    const own = { ...program.env, ...runtime, ...told(shard, folder), [PLACEMENT_MARK]: mark };
    const env = childEnvironment(this.#options.environment, { env: own, mark });
    const path = await commandPath(program.command, { path: env['PATH'], cwd: folder });
    if (path === undefined) throw new RunnerError('RUNNER_NO_PROGRAM', `command not found: ${program.command}`);
    const modulePath = program.module && (await this.#folders.place(program.module, folder));
    const turn = this.#turn++;
    const [command, ...args] = launchLine(
      { ...program, command: path },
      { ...shard, tier, cpuMilli, memMib, folder, modulePath, turn },
    );
    const looked = tier === 'watchdog' ? memMib : 0;
    return {
      command,
      args,
      env,
      folder,
      mark,
      memMib: looked,
      ownGroup: tier === 'cgroup',
      leaseUntilMs: shard.leaseUntilMs,
    };
  }

  /** Guard and group are on file before the program begins, so that whatever happens the next start finds them. */
  async #guarded(shard: ShardStart, orders: GuardOrders): Promise<RunningShard> {
    const guard = await GuardLink.start();
    try {
      await this.#file.add(guard.pid);
    } catch (cause) {
      guard.drop();
      throw new RunnerError('RUNNER_FAILED', 'the list of shards could not be written', { cause });
    }
    const begun = await guard.begin(orders);
    if (begun.kind === 'failed') {
      guard.drop();
      await guard.gone;
      await this.#file.remove(guard.pid).catch(() => undefined);
      throw new RunnerError('RUNNER_NO_PROGRAM', `it could not be started (${begun.problem})`);
    }
    const { pid, startTime } = begun;
    await this.#file.add(pid).catch(() => undefined); // its guard and its mark are known already
    const clearUp = async (reason: EndReason | undefined): Promise<void> => {
      // Of a shard whose guard was killed the kernel ended only the first process.
      if (reason === undefined) await clearMarked(pid, orders.mark);
      await this.#folders.remove(orders.folder);
      for (const one of [pid, guard.pid]) await this.#file.remove(one).catch(() => undefined);
    };
    const running = new GuardedShard(shard, { guard, pid, startTime, servers: this.#servers, clearUp });
    void running.exited.then(() => running.server.stop());
    return running;
  }
}

/** What a shard is told by its environment, and where it reads the rest. */
function told({ slot, epoch }: ShardStart, folder: string): Readonly<Record<string, string>> {
  return {
    FOG_INPUT: join(folder, 'input.json'),
    ...(slot === undefined ? {} : { FOG_SLOT: slot }),
    ...(epoch === undefined ? {} : { FOG_EPOCH: String(epoch) }),
  };
}

/** Kills what is left of a shard, by group and mark, until nothing is. */
async function clearMarked(pid: number, mark: string): Promise<void> {
  for (;;) {
    signalGroup(pid, 'SIGKILL');
    await killMarked(mark, PLACEMENT_MARK);
    if (!allPids().some((one) => carries(one, mark))) return;
    await new Promise((resolve) => setTimeout(resolve, CLEAR_MS));
  }
}
