import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as bodyOf } from 'node:stream/consumers';

interface Message {
  readonly id?: number;
  readonly method: string;
}

/** An MCP server over HTTP whose one tool, `hold`, answers a call when the test says so, the oldest first. */
export class HoldingServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #held: (() => void)[] = [];
  url = '';

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async listen(): Promise<HoldingServer> {
    const made = new HoldingServer();
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    made.url = `http://127.0.0.1:${(made.#server.address() as AddressInfo).port}/mcp`;
    return made;
  }

  /** Calls that wait here. */
  get held(): number {
    return this.#held.length;
  }

  release(count: number): void {
    for (const answer of this.#held.splice(0, count)) answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { id, method } = (await bodyOf(request)) as Message;
    if (id === undefined) return void response.writeHead(202).end();
    const reply = (body: object, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
    };
    switch (method) {
      case 'initialize': {
        const serverInfo = { name: 'holding', version: '1' };
        return reply({ result: { protocolVersion: '2025-06-18', serverInfo, capabilities: { tools: {} } } });
      }
      case 'tools/list':
        return reply({ result: { tools: [{ name: 'hold', inputSchema: { type: 'object' } }] } });
      case 'tools/call':
        return void this.#held.push(() => reply({ result: { content: [{ type: 'text', text: 'let go' }] } }));
      case 'ping':
        return reply({ result: {} });
      default:
        return reply({ error: { code: -32601, message: 'no such method' } }, 400);
    }
  }
}
