import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const MAIN = join(ROOT, 'node', 'main.ts');

export interface Ready {
  readonly event: 'ready';
  readonly node_id: string;
  readonly village_id: string;
  readonly gateway: string;
  readonly admin: string;
  readonly addresses: readonly string[];
  readonly pid: number;
  readonly started_ms: number;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const live = new Set<ChildProcess>();
const folders = new Set<string>();

/** A new, empty data folder that `cleanUp` removes. */
export function dataFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `village-${name}-`));
  folders.add(folder);
  return folder;
}

/** Runs a program to its end; rejects after `timeoutMs` having killed it. */
export function run(
  command: string,
  args: readonly string[],
  options: { timeoutMs?: number; env?: Record<string, string>; input?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] });
    live.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${args.join(' ')} took over ${options.timeoutMs ?? 20_000} ms\n${stdout}\n${stderr}`));
    }, options.timeoutMs ?? 20_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      live.delete(child);
      resolve({ code, stdout, stderr });
    });
    child.stdin.end(options.input ?? '');
  });
}

/** Runs one CLI verb on a data folder. */
export function village(data: string, args: readonly string[], options: { timeoutMs?: number } = {}): Promise<Outcome> {
  return run(process.execPath, [MAIN, ...args, '--data', data], options);
}

/** Runs one CLI verb with `--json` and parses what it printed; throws when it did not exit 0. */
export async function villageJson<T>(
  data: string,
  args: readonly string[],
  options: { timeoutMs?: number } = {},
): Promise<T> {
  const done = await village(data, [...args, '--json'], options);
  if (done.code !== 0) throw new Error(`village ${args.join(' ')}: exit ${done.code}\n${done.stdout}\n${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}

/** A real `village up` in its own process, until `stop` or `kill`. */
export class ProcessNode {
  readonly data: string;
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #log: { text: string };

  private constructor(data: string, ready: Ready, child: ChildProcess, log: { text: string }) {
    this.data = data;
    this.ready = ready;
    this.#child = child;
    this.#log = log;
  }

  static start(
    options: {
      data?: string;
      name?: string;
      config?: object;
      args?: readonly string[];
      timeoutMs?: number;
      env?: Record<string, string>;
      /** What Node itself is told. */
      nodeArgs?: readonly string[];
    } = {},
  ): Promise<ProcessNode> {
    const data = options.data ?? dataFolder(options.name ?? 'node');
    if (options.config !== undefined)
      writeFileSync(join(data, 'village.json'), JSON.stringify(options.config, null, 2));
    const args = [
      'up',
      '--json',
      '--data',
      data,
      '--gateway',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      ...(options.args ?? []),
    ];
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    live.add(child);
    const log = { text: '' };
    return new Promise((resolve, reject) => {
      let out = '';
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`the node was not ready in time\n${out}\n${log.text}`));
      }, options.timeoutMs ?? 20_000);
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        log.text = (log.text + chunk).slice(-200_000);
      });
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        out += chunk;
        const line = out.split('\n').find((candidate) => candidate.includes('"ready"'));
        if (line === undefined || !out.includes('\n')) return;
        clearTimeout(timer);
        resolve(new ProcessNode(data, JSON.parse(line) as Ready, child, log));
      });
      child.once('error', reject);
      child.once('close', (code) => {
        live.delete(child);
        clearTimeout(timer);
        reject(new Error(`the node ended with ${code} before it was ready\n${out}\n${log.text}`));
      });
    });
  }

  get log(): string {
    return this.#log.text;
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGTERM; resolves with the exit code, rejects after `timeoutMs`. */
  stop(timeoutMs = 8000): Promise<number | null> {
    return this.#end('SIGTERM', timeoutMs);
  }

  kill(timeoutMs = 8000): Promise<number | null> {
    return this.#end('SIGKILL', timeoutMs);
  }

  #end(name: NodeJS.Signals, timeoutMs: number): Promise<number | null> {
    if (this.exited) return Promise.resolve(this.#child.exitCode);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the node ignored ${name} for ${timeoutMs} ms\n${this.log}`)),
        timeoutMs,
      );
      this.#child.once('exit', (code) => {
        clearTimeout(timer);
        resolve(code);
      });
      this.#child.kill(name);
    });
  }

  cli(args: readonly string[], options: { timeoutMs?: number } = {}): Promise<Outcome> {
    return village(this.data, args, options);
  }

  json<T>(args: readonly string[], options: { timeoutMs?: number } = {}): Promise<T> {
    return villageJson<T>(this.data, args, options);
  }

  async token(agent = 'local', args: readonly string[] = []): Promise<string> {
    const done = await this.cli(['token', '--agent', agent, ...args]);
    if (done.code !== 0) throw new Error(`token --agent ${agent}: exit ${done.code}\n${done.stderr}`);
    return done.stdout.trim();
  }
}

/** Ends every process that a test left and removes its folders. Call in `afterAll`. */
export async function cleanUp(): Promise<void> {
  for (const child of live) child.kill('SIGKILL');
  await Promise.all(
    [...live].map((child) =>
      child.exitCode !== null || child.signalCode !== null
        ? Promise.resolve()
        : new Promise<void>((done) => child.once('close', () => done())),
    ),
  );
  live.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.clear();
}
