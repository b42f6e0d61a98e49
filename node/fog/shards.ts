import type { Exit, NodeEffect, NodeEvent, ShardSpec } from '../../src/fog/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { ArtifactPort, FogClock } from './ports.ts';
import {
  exitOf,
  type Logs,
  type Program,
  type Runner,
  type RunningShard,
  type StopCause,
  type Usage,
} from './runner/index.ts';
import { aliasOf, type ShardGroups } from './serving/index.ts';

type Of<Kind extends NodeEffect['kind']> = Extract<NodeEffect, { kind: Kind }>;
type Told = Extract<NodeEvent, { kind: 'fetched' | 'fetch-failed' | 'started' | 'exited' }>;

const FETCH_MS = 30_000;
/** Ends that are remembered with what they printed. */
const MAX_ENDED = 64;

export interface ShardsParts {
  readonly runner: Runner;
  readonly artifacts: ArtifactPort;
  readonly groups: ShardGroups;
  readonly clock: Pick<FogClock, 'boottimeMs'>;
  readonly reporter: Reporter;
  /** Before the end of its lease a shard is served no more. */
  readonly guardMs: () => number;
  readonly tell: (event: Told) => void;
}

interface Run {
  readonly placementId: string;
  readonly run: number;
  readonly alias: string;
  readonly slot: number;
  readonly epoch: number;
  endMs: number;
  shard: RunningShard | undefined;
  stopping: { readonly cause: StopCause; readonly graceMs: number } | undefined;
}

/** Carries out what the node's machine decides about processes, and tells it what became of them. */
export class Shards {
  readonly #parts: ShardsParts;
  readonly #runs = new Map<string, Run>();
  readonly #programs = new Map<string, Program>();
  readonly #logs = new Map<string, Logs>();
  readonly #stopping = new AbortController();
  #whenIdle: () => void = () => undefined;

  constructor(parts: ShardsParts) {
    this.#parts = parts;
  }

  logs(placementId: string): Logs | undefined {
    return this.#runs.get(placementId)?.shard?.logs ?? this.#logs.get(placementId);
  }

  usage(placementId: string): { readonly usage: Usage | undefined; readonly pid: number | undefined } {
    const shard = this.#runs.get(placementId)?.shard;
    return { usage: shard?.usage(), pid: shard?.pid };
  }

  /** `asked`: what the placement runs, and whose it is, which the machine knows. */
  fetch({ placementId }: Of<'fetch'>, { spec, owner }: { readonly spec: ShardSpec; readonly owner: string }): void {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(FETCH_MS)]);
    const { artifacts, tell } = this.#parts;
    void artifacts.prepare(spec, { from: owner, signal }).then(
      (program) => {
        this.#programs.set(placementId, program);
        tell({ kind: 'fetched', placementId });
      },
      (error: unknown) => tell({ kind: 'fetch-failed', placementId, detail: codeOf(error) }),
    );
  }

  start(effect: Of<'start'>): void {
    const { placementId, run, slot, fence, spec, endMs } = effect;
    const alias = aliasOf({ ...slot, agentType: spec.agentType });
    const begun: Run = {
      ...{ placementId, run, alias, slot: slot.slot, epoch: fence.epoch, endMs },
      shard: undefined,
      stopping: undefined,
    };
    this.#runs.set(placementId, begun);
    void this.#begin(begun, effect);
  }

  lease({ placementId, endMs }: Of<'lease'>): void {
    const run = this.#runs.get(placementId);
    if (run === undefined) return;
    run.endMs = Math.max(run.endMs, endMs);
    run.shard?.renewLease(run.endMs);
  }

  stop({ placementId, run: number, graceMs, because }: Of<'stop'>): void {
    const run = this.#runs.get(placementId);
    if (run?.run !== number) return;
    const cause =
      because === 'preempted' ? 'preempted' : because === 'drained' || because === 'power' ? 'drained' : 'stopped';
    run.stopping = { cause, graceMs };
    // What is being stopped is asked nothing more.
    this.#parts.groups.remove(run.alias, run);
    void run.shard?.stop(cause, { graceMs });
  }

  /** The placement is over: what is needed to start it again is not. */
  forget({ placementId }: Of<'forget'>): void {
    this.#programs.delete(placementId);
  }

  /** Resolves when nothing runs any more, or after `ms`. */
  async ended(ms: number): Promise<void> {
    if (this.#runs.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#whenIdle = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Ends everything that runs here. Never rejects. */
  async close(): Promise<void> {
    this.#stopping.abort();
    for (const run of this.#runs.values()) this.#parts.groups.remove(run.alias, run);
    await this.#parts.runner.close().catch((error: unknown) => {
      this.#parts.reporter.report('background.failed', { area: 'fog runner', error });
    });
  }

  async #begin(run: Run, effect: Of<'start'>): Promise<void> {
    const { placementId, spec, slot, fence, gpuIds, readyByMs } = effect;
    const { runner, clock } = this.#parts;
    const program = this.#programs.get(placementId);
    try {
      if (program === undefined) throw new VillageError('NOT_FETCHED', 'the artifact is not here');
      const shard = await runner.start({
        placementId: `${placementId}.${run.run}`,
        alias: run.alias,
        share: 'mesh',
        program: withGpus(program, gpuIds),
        resources: spec.res,
        priority: spec.priority,
        leaseUntilMs: run.endMs,
        input: { agent_type: spec.agentType, ...spec.args },
        slot: String(slot.slot),
        epoch: fence.epoch,
        startTimeoutMs: Math.max(1, readyByMs - clock.boottimeMs()),
      });
      run.shard = shard;
      shard.renewLease(run.endMs); // it may have been renewed while it started
      if (run.stopping !== undefined) void shard.stop(run.stopping.cause, run.stopping);
      void shard.ready.then((ready) => this.#ready(run, ready));
      const exit = exitOf(await shard.exited);
      this.#keepLogs(placementId, shard.logs);
      this.#over(run, exit);
    } catch (error) {
      this.#over(run, { kind: 'failed', detail: codeOf(error) });
    }
  }

  #ready(run: Run, ready: boolean): void {
    const { groups, clock, guardMs, tell, reporter } = this.#parts;
    if (!ready || run.shard === undefined || run.stopping !== undefined) return;
    if (this.#runs.get(run.placementId) !== run) return; // it has ended since
    const mayServe = (): boolean => clock.boottimeMs() < run.endMs - guardMs();
    const { alias, slot, epoch } = run;
    if (!groups.add(alias, { slot, epoch, server: run.shard.server, mayServe })) {
      reporter.report('fog.unlisted', { server: alias });
    }
    tell({ kind: 'started', placementId: run.placementId, run: run.run });
  }

  #over(run: Run, exit: Exit): void {
    const { groups, tell } = this.#parts;
    groups.remove(run.alias, run);
    if (this.#runs.get(run.placementId) === run) this.#runs.delete(run.placementId);
    tell({ kind: 'exited', placementId: run.placementId, run: run.run, exit });
    if (this.#runs.size === 0) this.#whenIdle();
  }

  #keepLogs(placementId: string, logs: Logs): void {
    this.#logs.delete(placementId);
    this.#logs.set(placementId, logs);
    if (this.#logs.size > MAX_ENDED) this.#logs.delete(this.#logs.keys().next().value as string);
  }
}

/** A closed word: what went wrong in full is for this node's own log. */
function codeOf(error: unknown): string {
  return error instanceof VillageError ? error.code : 'FAILED';
}

/** The devices that are its own; whoever reads the usual variable sees no other. */
function withGpus(program: Program, gpuIds: readonly string[]): Program {
  if (program.kind !== 'process') return program;
  const devices = gpuIds.map((id) => id.replace(/^gpu/, '')).join(',');
  return { ...program, env: { ...program.env, CUDA_VISIBLE_DEVICES: devices } };
}
