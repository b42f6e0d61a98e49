import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Message, Inbox } from './inbox.ts';
import { events, open } from './http.ts';

/** A connection to an MCP server on which a test says and hears whole messages, and nothing is said in between. */
export interface Wire extends AsyncDisposable {
  send(message: Message): Promise<void>;
  /** The next message of the server; rejects after ten seconds without one. */
  next(): Promise<Message>;
}

/** The standard streams of a program. */
export function stdioWire(command: string, args: readonly string[], env: Record<string, string> = {}): Wire {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...env } });
  const inbox = new Inbox();
  createInterface({ input: child.stdout }).on('line', (line) => inbox.put(line));
  child.stdin.on('error', () => undefined); // it is gone: `next` says so
  return {
    next: () => inbox.next(),
    send: async (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const JSON_POST = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
type Headers = Readonly<Record<string, string>>;

/** Streamable HTTP: what answers a POST, as JSON or as a stream, comes to the same inbox. */
export function httpWire(url: string, headers: Headers = {}): Wire {
  const inbox = new Inbox();
  let session: Headers = {};
  return {
    next: () => inbox.next(),
    send: async (message) => {
      const body = JSON.stringify(message);
      const response = await open(url, { method: 'POST', headers: { ...JSON_POST, ...headers, ...session }, body });
      const id = response.headers['mcp-session-id'];
      if (id !== undefined) session = { 'Mcp-Session-Id': String(id) };
      if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
        void inbox.drain(events(response));
        return;
      }
      let text = '';
      for await (const chunk of response) text += String(chunk);
      if (text !== '') inbox.put(text);
    },
    [Symbol.asyncDispose]: async () => {
      (await open(url, { method: 'DELETE', headers: { ...headers, ...session } })).destroy();
    },
  };
}

/** HTTP+SSE, the transport of 2024-11-05: everything comes on the one stream. */
export async function sseWire(url: string, headers: Headers = {}): Promise<Wire> {
  const inbox = new Inbox();
  const stream = await open(url, { headers: { Accept: 'text/event-stream', ...headers } });
  const incoming = events(stream);
  const endpoint = new URL(String((await incoming.next()).value?.data), url).href;
  void inbox.drain(incoming);
  return {
    next: () => inbox.next(),
    send: async (message) => {
      const body = JSON.stringify(message);
      (await open(endpoint, { method: 'POST', headers: { ...JSON_POST, ...headers }, body })).resume();
    },
    [Symbol.asyncDispose]: async () => void stream.destroy(),
  };
}
