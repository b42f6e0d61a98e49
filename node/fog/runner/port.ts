import type { Enforcement, Exit, Priority } from '../../../src/fog/index.ts';
import type { HostedServer } from '../../backends/index.ts';

/** How a placement ended. Said only when none of its processes is left. */
export type EndReason =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** `limit`: the guard saw it over its limit; `heap`: its own runtime gave up; `kernel`: the kernel killed it. */
  | { readonly kind: 'oom'; readonly by: 'limit' | 'heap' | 'kernel' }
  | { readonly kind: 'lease' }
  /** As asked; and how its leader then ended, where it runs as a process. */
  | { readonly kind: StopCause; readonly code?: number | undefined; readonly signal?: string | undefined }
  /** It did not answer its MCP handshake in time. */
  | { readonly kind: 'start-timeout' }
  /** It could not be started, or answered its handshake with nonsense; `problem` is for people. */
  | { readonly kind: 'start-failed'; readonly problem: string }
  /** Its guard was killed by somebody else; the runner ended the shard. */
  | { readonly kind: 'guard-lost' };

/** Why `stop` is called: becomes the end reason, unless the shard had ended otherwise before. */
export type StopCause = 'preempted' | 'drained' | 'stopped';

/** What to run: made by `Artifacts.resolve` from an artifact reference, never from the network's words. */
export type Program =
  | {
      readonly kind: 'process';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      /** A file for `command` (a Node) to run under `--permission`, copied from where it lies and hashed with each start. */
      readonly module?: ModuleFile | undefined;
    }
  /** A built-in role in this process: no enforcement, and it ends with the node. */
  | { readonly kind: 'role'; open(alias: string): HostedServer };

export interface ModuleFile {
  readonly path: string;
  /** SHA-256, hex: other bytes do not start. */
  readonly digest: string;
  /** It may read any file, not only itself and its shard's folder. */
  readonly fsRead: boolean;
  /** What its publisher says; this Node cannot withhold the network. */
  readonly net: boolean;
}

export interface ShardStart {
  /** Names the attempt for ever; travels in the environment of every process of it as FOG_PLACEMENT. 1–128 of A–Z a–z 0–9 . _ -, the first a letter or digit. */
  readonly placementId: string;
  /** The alias under which its server is to be registered. */
  readonly alias: string;
  readonly share: 'mesh' | 'local';
  readonly program: Program;
  /** CPU in thousandths of a core, memory in MiB. */
  readonly resources: { readonly cpuMilli: number; readonly memMib: number };
  /** How nice its processes are to the others of this machine. */
  readonly priority: Priority;
  /** Nothing of the shard runs after this instant of `boottimeMs()`, whatever becomes of the node. */
  readonly leaseUntilMs: number;
  /** What the deployment says to its shard: JSON, at most 256 KiB, read by the shard from the file that FOG_INPUT names. */
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  /** Slot and epoch, told to the shard as FOG_SLOT and FOG_EPOCH. */
  readonly slot?: string | undefined;
  readonly epoch?: number | undefined;
  /** Until it answers and has listed its tools. Default 30,000. */
  readonly startTimeoutMs?: number | undefined;
}

export interface Usage {
  /** Resident memory of all its processes, MiB. */
  readonly memMib: number;
  /** CPU time of all its processes since the start, ended ones included as far as they were seen. */
  readonly cpuMs: number;
  readonly processes: number;
}

/** What a shard printed on its standard error: the newest 1 MiB. */
export interface Logs {
  /** The lines kept, oldest first, and how many older ones were dropped. */
  read(): { readonly lines: readonly string[]; readonly dropped: number };
  /** Hears each line from now on. */
  follow(listener: (line: string) => void): () => void;
}

/** A shard's server: register it as any hosted server; `onChange` is for hosting to hear of its state and definition. */
export interface ShardServer extends HostedServer {
  onChange(listener: (alias: string) => void): () => void;
}

export interface RunningShard {
  readonly placementId: string;
  /** undefined: it runs in this process. */
  readonly pid: number | undefined;
  /** Of `pid`, in clock ticks since boot: with the boot's id it names the process for ever. */
  readonly startTime: string | undefined;
  readonly server: ShardServer;
  /** Resolves true when it answers and has listed what it offers, false when it ended before that. */
  readonly ready: Promise<boolean>;
  /** Resolves when none of its processes is left: only then is its capacity free. Never rejects. */
  readonly exited: Promise<EndReason>;
  /** End of input and SIGTERM at once, SIGKILL to all of it after `graceMs`. Resolves as `exited` does; asking twice changes nothing. */
  stop(cause: StopCause, options: { readonly graceMs: number }): Promise<EndReason>;
  /** The lease now ends at this instant of `boottimeMs()`; an earlier one than before is ignored, and so is one that came too late. */
  renewLease(untilMs: number): void;
  /** As its guard last told, at most 1 s ago; undefined: it runs in this process, or its guard has not looked yet. */
  usage(): Usage | undefined;
  readonly logs: Logs;
}

/** What was tried on this machine and found to work. `watchdog`: a guard looks every 100 ms; `none`: the lease is held, memory is not. */
export interface EnforcementFound {
  readonly tier: Enforcement;
  /** Thousandths of a shard's memory that the ledger has to book besides. */
  readonly memoryMargin: number;
  /** What is missing for the better tiers; for people. */
  readonly missing: readonly string[];
}

/** Runs shards on this machine. */
export interface Runner {
  /** Ends what an earlier run of this node left, once; nothing starts before. Answers how many processes and groups were killed. */
  sweep(): Promise<number>;
  enforcement(): Promise<EnforcementFound>;
  /** Resolves when the process is there (see `ready` for the server). Errors: RunnerError. */
  start(shard: ShardStart): Promise<RunningShard>;
  /** Stops every shard and resolves when none is left. */
  close(): Promise<void>;
}

/** How the machine of src/fog is told of an end. A stop is the machine's own doing: it hears how the process then ended. */
export function exitOf(reason: EndReason): Exit {
  switch (reason.kind) {
    case 'exit':
    case 'signal':
    case 'lease':
      return reason;
    case 'oom':
      return { kind: 'oom' };
    case 'start-timeout':
      return { kind: 'failed', detail: 'it was not ready in time' };
    case 'start-failed':
      return { kind: 'failed', detail: reason.problem };
    case 'guard-lost':
      return { kind: 'signal', signal: 'SIGKILL' };
    default:
      return reason.signal === undefined
        ? { kind: 'exit', code: reason.code ?? 0 }
        : { kind: 'signal', signal: reason.signal };
  }
}
