/** One server of the benchmarks, in a process of its own: `bare`, `sdk`, `sdk2` or `gateway`. Tells its port, then its CPU time when asked. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as McpServer } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer as ServerV2 } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { RouterCall } from '../../node/gateway/index.ts';
import { openGateway } from '../support/echo-gateway.ts';
import { EchoRouter } from '../support/echo-router.ts';

interface EchoCall {
  id: number;
  params: { arguments: { message: string } };
}
const resultOf = (message: string): object => ({ content: [{ type: 'text', text: message }] });

function bare(): Server {
  return createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const call = JSON.parse(Buffer.concat(chunks).toString()) as EchoCall;
      const body = JSON.stringify({ jsonrpc: '2.0', id: call.id, result: resultOf(call.params.arguments.message) });
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
      res.end(body);
    });
  });
}

/** The SDK's own server as its documentation shows it: one transport per session, replies as JSON. */
function sdk(): Server {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  return createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    const known = sessions.get(String(req.headers['mcp-session-id']));
    if (known !== undefined) return void known.handleRequest(req, res);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const server = new McpServer({ name: 'sdk', version: '0' }, { capabilities: { tools: {} } });
    server.setRequestHandler(
      CallToolRequestSchema,
      ({ params }) => resultOf(String(params.arguments?.['message'])) as never,
    );
    void server.connect(transport as Transport).then(() => transport.handleRequest(req, res));
  });
}

/** The SDK's second line as its documentation shows it: a server object for each request of 2026-07-28. */
function sdk2(): Server {
  const handler = createMcpHandler(() => {
    const server = new ServerV2({ name: 'sdk', version: '0' });
    server.registerTool('echo', { inputSchema: z.object({ message: z.string() }) }, ({ message }) => ({
      content: [{ type: 'text' as const, text: message }],
    }));
    return server;
  });
  const answer = toNodeHandler(handler);
  return createServer({ keepAliveTimeout: 65_000 }, (req, res) => void answer(req as NodeIncomingMessageLike, res));
}

class QuietRouter extends EchoRouter {
  override handle(call: RouterCall): ReturnType<EchoRouter['handle']> {
    this.calls.length = 0; // the test double keeps every call, a benchmark must not
    return super.handle(call);
  }
}

async function port(kind: string): Promise<number> {
  if (kind === 'gateway') {
    const limits = { maxBodyBytes: 4 * 1024 * 1024, maxSessions: 100, sessionIdleMs: 60_000, maxInFlight: 1024 };
    const { gateway } = await openGateway({ router: new QuietRouter(), limits });
    return Number(new URL(gateway.url).port);
  }
  const server = kind === 'bare' ? bare() : kind === 'sdk2' ? sdk2() : sdk();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system, rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024) });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: await port(process.argv[2] ?? '') });
