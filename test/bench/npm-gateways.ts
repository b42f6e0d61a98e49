import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { send } from '../support/http.ts';

const VERSIONS = { 'mcp-proxy': '6.7.19', supergateway: '4.0.0' } as const;
export type NpmGateway = keyof typeof VERSIONS;
const AGAIN_MS = 100;
const BEGIN_MS = 20_000;

/** Where they are installed: beside the checkout's dependencies, not among them. */
function installed(): string {
  const folder = join(tmpdir(), `village-bench-npm-${Object.values(VERSIONS).join('-')}`);
  if (!existsSync(join(folder, 'node_modules/supergateway')) || !existsSync(join(folder, 'node_modules/mcp-proxy'))) {
    mkdirSync(folder, { recursive: true });
    const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
    const args = [
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--silent',
      ...packages,
    ];
    execFileSync('npm', args, { stdio: 'ignore', timeout: 180_000 });
  }
  return join(folder, 'node_modules');
}

/** Starts one before `backend` (an argv), and opens a session with it. */
export async function startNpmGateway(
  name: NpmGateway,
  options: { backend: readonly string[]; opening: object },
): Promise<{ child: ChildProcess; port: number; sessionId: string }> {
  const modules = installed();
  const port = await freePort();
  const args =
    name === 'mcp-proxy'
      ? [join(modules, 'mcp-proxy/dist/bin/mcp-proxy.mjs'), '--host', '127.0.0.1', '--port', String(port)]
      : [join(modules, 'supergateway/dist/index.js'), '--port', String(port), '--logLevel', 'none'];
  const rest =
    name === 'mcp-proxy'
      ? ['--server', 'stream', '--', ...options.backend]
      : ['--outputTransport', 'streamableHttp', '--stateful', '--stdio', options.backend.join(' ')];
  const child = spawn(process.execPath, [...args, ...rest], { stdio: 'ignore' });
  const body = JSON.stringify(options.opening);
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
  const until = performance.now() + BEGIN_MS;
  for (;;) {
    try {
      const reply = await send(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers, body });
      const sessionId = reply.headers['mcp-session-id'];
      if (typeof sessionId === 'string') return { child, port, sessionId };
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    if (performance.now() > until) throw new Error(`${name} opened no session`);
    await once(child, 'exit', { signal: AbortSignal.timeout(AGAIN_MS) }).then(
      () => {
        throw new Error(`${name} ended before it opened a session`);
      },
      () => undefined, // it lives: ask again
    );
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
