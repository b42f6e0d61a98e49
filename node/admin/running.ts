import { request } from 'node:http';
import { type RunFile, readRunFile } from './run-file.ts';

export type Running =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly run: RunFile }
  /** A node ended without removing its file. */
  | { readonly kind: 'stale'; readonly run: RunFile; readonly because: 'process-gone' | 'no-answer' };

/** Whether a node runs on this data folder: its process is there and its admin address answers. */
export async function findRunning(dataDir: string, options: { timeoutMs?: number } = {}): Promise<Running> {
  const run = readRunFile(dataDir);
  if (run === undefined) return { kind: 'none' };
  if (!isAlive(run.pid)) return { kind: 'stale', run, because: 'process-gone' };
  if (!(await answers(run.admin, options.timeoutMs ?? 3000))) return { kind: 'stale', run, because: 'no-answer' };
  return { kind: 'running', run };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // there, and another user's
  }
}

function answers(origin: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request(
      new URL('/healthz', origin),
      { agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 || response.statusCode === 503);
      },
    );
    asking.on('error', () => resolve(false));
    asking.end();
  });
}
