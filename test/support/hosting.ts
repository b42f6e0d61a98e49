import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientAbilities, ClientAnswer, ClientQuestion, LogLevel } from '../../src/mcp/index.ts';
import type { BackendContext, BackendReply, HostedServer } from '../../node/backends/index.ts';
import { LocalHosting } from '../../node/backends/index.ts';
import { ServerConfig } from '../../node/config/schema.ts';
import type { EventName, Events, Reporter } from '../../node/telemetry/events.ts';

export const TINY = join(import.meta.dirname, '../fixtures/servers/tiny.mjs');

/** Configuration of the tiny fixture server in one of its modes. */
export function tiny(mode: string, more: Record<string, unknown> = {}): ServerConfig {
  return ServerConfig.parse({ command: process.execPath, args: [TINY, mode], ...more });
}

export interface Hosted extends AsyncDisposable {
  readonly hosting: LocalHosting;
  readonly folder: string;
  readonly reported: { readonly name: EventName; readonly detail: Events[EventName] }[];
  server(alias: string): HostedServer;
  /** Resolves when `test` holds for the server, looked at whenever hosting says it changed; rejects after `ms`. */
  until(alias: string, test: (server: HostedServer) => boolean, ms?: number): Promise<HostedServer>;
}

/** Hosting of these servers in a folder of its own, started. */
export async function host(
  servers: Record<string, ServerConfig>,
  environment: Record<string, string | undefined> = process.env,
): Promise<Hosted> {
  const folder = mkdtempSync(join(tmpdir(), 'village-backends-'));
  const reported: { name: EventName; detail: Events[EventName] }[] = [];
  const reporter: Reporter = { report: (name, detail) => void reported.push({ name, detail }) };
  const hosting = new LocalHosting({ nodeId: 'this-node', roles: [], servers, dataDir: folder, reporter, environment });
  await hosting.start();
  const hosted: Hosted = {
    hosting,
    folder,
    reported,
    server: (alias) => {
      const server = hosting.get(alias);
      if (server === undefined) throw new Error(`no server ${alias}`);
      return server;
    },
    until: (alias, test, ms = 15_000) => until(hosting, { alias, test, ms }),
    [Symbol.asyncDispose]: async () => {
      await hosting.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return hosted;
}

function until(
  hosting: LocalHosting,
  wanted: { alias: string; test: (server: HostedServer) => boolean; ms: number },
): Promise<HostedServer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      off();
      reject(new Error(`${wanted.alias} stays ${JSON.stringify(hosting.get(wanted.alias)?.state())}`));
    }, wanted.ms);
    const look = (): void => {
      const server = hosting.get(wanted.alias);
      if (server === undefined || !wanted.test(server)) return;
      clearTimeout(timer);
      off();
      resolve(server);
    };
    const off = hosting.onChange(look);
    look();
  });
}

export const healthy = (server: HostedServer): boolean => server.state().state === 'healthy';

export interface CallOptions {
  readonly agent?: string;
  readonly era?: 'session' | 'stateless';
  readonly ms?: number;
  readonly signal?: AbortSignal;
  readonly progressToken?: string | number;
  readonly meta?: Record<string, unknown>;
  readonly onRelated?: (message: Record<string, unknown>) => void;
  /** What the agent's client can be asked, and how it answers; in the stateless era only the first matters. */
  readonly client?: ClientAbilities;
  readonly answers?: (
    question: ClientQuestion,
    options: { signal: AbortSignal },
  ) => ClientAnswer | Promise<ClientAnswer>;
  readonly logLevel?: LogLevel;
}

export function contextFor(options: CallOptions = {}): BackendContext {
  const { onRelated, answers } = options;
  return {
    principal: {
      agentId: options.agent ?? 'tester',
      role: 'tester',
      level: 'OPERATOR',
      permissions: undefined,
      tokenId: '',
      issuedAtMs: 0,
      expiresAtMs: 0,
      homeNode: '',
    },
    era: options.era ?? 'session',
    callId: new Uint8Array(16),
    deadlineAt: performance.now() + (options.ms ?? 10_000),
    signal: options.signal ?? new AbortController().signal,
    client: options.client,
    ...(answers === undefined ? {} : { ask: async (question, { signal }) => answers(question, { signal }) }),
    logLevel: options.logLevel,
    ...(onRelated === undefined
      ? {}
      : { onRelated: (bytes) => onRelated(JSON.parse(Buffer.from(bytes).toString('utf8'))) }),
  };
}

export interface Answer {
  readonly reply: BackendReply;
  readonly id: unknown;
  // biome-ignore lint: a JSON value of any shape
  readonly result: any;
  // biome-ignore lint: a JSON value of any shape
  readonly error: any;
  /** The text of the first content block. */
  readonly text: string;
}

/** Sends one request and reads the reply. */
export async function ask(
  server: HostedServer,
  method: string,
  params: Record<string, unknown> = {},
  options: CallOptions = {},
): Promise<Answer> {
  const reply = await server.request({ jsonrpc: '2.0', id: 'mine', method, params }, contextFor(options));
  const body = JSON.parse(Buffer.from(reply.body).toString('utf8'));
  return { reply, id: body.id, result: body.result, error: body.error, text: body.result?.content?.[0]?.text };
}

/** Calls one tool. */
export function callTool(
  server: HostedServer,
  name: string,
  args: Record<string, unknown> = {},
  options: CallOptions = {},
): Promise<Answer> {
  const token = options.progressToken === undefined ? {} : { progressToken: options.progressToken };
  const meta = { ...token, ...options.meta };
  const extra = Object.keys(meta).length === 0 ? {} : { _meta: meta };
  return ask(server, 'tools/call', { name, arguments: args, ...extra }, options);
}

/** Whether process `pid` runs: a zombie that nobody reaped does not. */
export function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

/** Resolves when none of `pids` runs any more; rejects after `ms`. */
export async function gone(pids: readonly number[], ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (pids.some(alive)) {
    if (performance.now() > deadline) throw new Error(`still alive: ${pids.filter(alive).join(', ')}`);
    await delay(20);
  }
}
