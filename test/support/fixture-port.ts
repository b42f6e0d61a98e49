import { type ChildProcess, spawn } from 'node:child_process';

export interface FixtureServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts a program of the tests that prints the port it listens on as its first line; disposing of it ends the process. */
export async function startFixture(file: string, args: readonly string[], timeoutMs = 10_000): Promise<FixtureServer> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await firstLine(child, timeoutMs);
  return {
    port: Number(port),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function firstLine(child: ChildProcess, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the fixture was not ready within ${timeoutMs} ms`));
    }, timeoutMs);
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(text.slice(0, text.indexOf('\n')));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the fixture ended with ${code} before it was ready`));
    });
  });
}
