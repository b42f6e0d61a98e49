import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendError } from './backend-error.ts';
import type { ChildrenFile } from './children-file.ts';
import { commandPath } from './command-path.ts';
import { childEnvironment } from './environment.ts';
import type { Guard } from './guard.ts';
import { killMarked, signalGroup } from './processes.ts';

const GRACE_MS = 800;
const POLL_MS = 20;
const BURIAL_MS = 500;
const DRAIN_MS = 200;

// The shell waits for a word on descriptor 3 and then becomes the program: until guard and file know the group, nothing of it runs,
// and should we die meanwhile, the word never comes. "$@" is passed on unread; no shell looks at the configuration.
const GATE = 'IFS= read -r go <&3 && [ "$go" = go ] || exit 125; exec "$@" 3<&-';

/** What all children of one node share. */
export interface Nursery {
  readonly guard: Guard;
  readonly file: ChildrenFile;
  /** The common part of their marks. */
  readonly run: string;
  /** Where a server without `cwd` runs. */
  readonly folder: string;
  /** The environment the inherited variables are taken from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  nextNumber(): number;
}

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** How the leader of the group ended; the rest of the group is killed with it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Gated = ChildProcessByStdio<Writable, Readable, Readable> & { readonly pid: number };

/** One running program and everything it started: a process group of its own that ends as a whole. */
export class Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly pid: number;
  /** Resolves when the whole group is gone. */
  readonly ended: Promise<Exit>;
  readonly #nursery: Nursery;
  readonly #mark: string;
  #stopping: Promise<void> | undefined;

  constructor(process: Gated, options: { readonly nursery: Nursery; readonly mark: string }) {
    this.stdin = process.stdin;
    this.stdout = process.stdout;
    this.stderr = process.stderr;
    this.pid = process.pid;
    this.#nursery = options.nursery;
    this.#mark = options.mark;
    const drained = new Promise<void>((resolve) => process.once('close', () => resolve()));
    const exited = new Promise<Exit>((resolve) => {
      process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.ended = exited.then((exit) => this.#bury(exit, drained));
  }

  /** End of input, 2 s, SIGTERM, 2 s, SIGKILL, to the whole group. Resolves when it is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  kill(): void {
    signalGroup(this.pid, 'SIGKILL');
  }

  async #stop(): Promise<void> {
    const over = this.ended.then(() => true);
    this.stdin.end();
    if (await withinGrace(over)) return;
    signalGroup(this.pid, 'SIGTERM');
    if (await withinGrace(over)) return;
    this.kill();
    await over;
  }

  async #bury(exit: Exit, drained: Promise<void>): Promise<Exit> {
    // Whoever it left behind in the group had its end of input or its signal together with the leader.
    // Killed is gone within milliseconds; where nobody reaps orphans, though, their names stay in the group for ever.
    for (let waited = 0; signalGroup(this.pid, 'SIGKILL') && waited < BURIAL_MS; waited += POLL_MS)
      await delay(POLL_MS);
    await killMarked(this.#mark);
    // Nobody is left to hold the other end, so what it said last arrives now or never.
    await Promise.race([drained, delay(DRAIN_MS)]);
    this.#nursery.guard.forget(this.pid);
    await this.#nursery.file.remove(this.pid).catch(() => undefined);
    return exit;
  }
}

/** Starts `spec` behind the gate. Throws BackendError BACKEND_ABSENT when there is no such program, BACKEND_UNREACHABLE when there is no such folder. */
export async function startChild(spec: ChildCommand, nursery: Nursery): Promise<Child> {
  if (process.platform === 'win32') {
    throw new BackendError(
      'BACKEND_UNSUPPORTED',
      'stdio servers are not supported on Windows: children could outlive the node',
      {
        hint: 'run the node under WSL, or host the server elsewhere and give its `url`',
      },
    );
  }
  const mark = `${nursery.run}.${nursery.nextNumber()}.`;
  const env = childEnvironment(nursery.environment, { env: spec.env, mark });
  const cwd = spec.cwd ?? nursery.folder;
  const path = await commandPath(spec.command, { path: env['PATH'], cwd });
  if (path === undefined) {
    throw new BackendError('BACKEND_ABSENT', `command not found: ${spec.command}`, {
      hint: 'give the full path, or install it where PATH finds it',
    });
  }
  const shell = spawnGate([path, ...spec.args], { cwd, env });
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => shell.on('error', resolve));
  if (shell.pid === undefined) {
    const cause = await failed;
    const problem = cause.code === 'ENOENT' ? `there is no folder ${cwd}` : `it could not be started (${cause.code})`;
    throw new BackendError('BACKEND_UNREACHABLE', problem, { cause });
  }
  const child = new Child(shell as unknown as Gated, { nursery, mark });
  const gate = shell.stdio[3] as Writable;
  gate.on('error', () => undefined); // it was killed before it began: `ended` says so
  nursery.guard.watch(child.pid);
  try {
    await nursery.file.add(child.pid);
  } catch (cause) {
    child.kill();
    throw new BackendError('BACKEND_UNREACHABLE', 'the list of children could not be written', { cause });
  }
  gate.end('go\n');
  return child;
}

function spawnGate(words: readonly string[], options: { cwd: string; env: Record<string, string> }): ChildProcess {
  try {
    return spawn('/bin/sh', ['-c', GATE, 'village-gate', ...words], {
      ...options,
      detached: true, // a process group of its own
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
  } catch (cause) {
    // Arguments or variables too long, or with a NUL inside.
    throw new BackendError('BACKEND_UNREACHABLE', 'its `args` or `env` cannot be passed to a program', { cause });
  }
}

async function withinGrace(over: Promise<boolean>): Promise<boolean> {
  const waiting = new AbortController();
  try {
    return await Promise.race([over, delay(GRACE_MS, false, { signal: waiting.signal })]);
  } finally {
    waiting.abort();
  }
}
