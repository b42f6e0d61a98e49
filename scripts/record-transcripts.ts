/** Records what reference servers say to a client of 2024-11-05, spoken to directly, in `test/fixtures/transcripts`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVERYTHING, MEMORY } from '../test/support/agents.ts';
import { startFixture } from '../test/support/fixture-port.ts';
import { ROOT } from '../test/support/process-node.ts';
import { converse, messagesFor, type Transcript, TRANSCRIPTS } from '../test/support/transcript.ts';
import { httpWire, sseWire, stdioWire, type Wire } from '../test/support/wire.ts';

const FIXTURE = join(ROOT, 'test/fixtures/conformance/session.ts');
const folder = mkdtempSync(join(tmpdir(), 'village-recording-'));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** Starts `everything` on a port of its own; it says on standard error when it listens. */
async function everythingOn(mode: 'sse' | 'streamableHttp', stack: AsyncDisposableStack): Promise<number> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [EVERYTHING, mode], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  stack.defer(() => void child.kill('SIGKILL'));
  child.stderr.setEncoding('utf8');
  for (let text = ''; !text.includes(String(port)); ) text += String((await once(child.stderr, 'data'))[0]);
  child.stderr.resume();
  return port;
}

async function record(
  server: Transcript['server'],
  transport: Transcript['transport'],
  open: (stack: AsyncDisposableStack) => Promise<Wire>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const wire = stack.use(await open(stack));
  const exchanges = await converse(wire, messagesFor(server));
  const protocolVersion = String(exchanges[0]?.receive.at(-1)?.result?.['protocolVersion']);
  const transcript: Transcript = { server, transport, protocolVersion, exchanges };
  writeFileSync(join(TRANSCRIPTS, `${server}-${transport}.json`), `${JSON.stringify(transcript, null, 1)}\n`);
  console.log(`${server} over ${transport}: ${exchanges.length} exchanges in ${protocolVersion}`);
}

mkdirSync(TRANSCRIPTS, { recursive: true });
await record('everything', 'stdio', async () => stdioWire(process.execPath, [EVERYTHING, 'stdio']));
await record('everything', 'sse', async (stack) => sseWire(`http://127.0.0.1:${await everythingOn('sse', stack)}/sse`));
await record('everything', 'http', async (stack) =>
  httpWire(`http://127.0.0.1:${await everythingOn('streamableHttp', stack)}/mcp`),
);
await record('memory', 'stdio', async () =>
  stdioWire(process.execPath, [MEMORY], { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') }),
);
await record('session-fixture', 'stdio', async () => stdioWire(process.execPath, [FIXTURE]));
await record('session-fixture', 'http', async (stack) => {
  const { port } = stack.use(await startFixture(FIXTURE, ['http']));
  return httpWire(`http://127.0.0.1:${port}/mcp`);
});
rmSync(folder, { recursive: true });
process.exit(0);
