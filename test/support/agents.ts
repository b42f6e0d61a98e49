import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { join } from 'node:path';
import { ROOT } from './process-node.ts';

const INFO = { name: 'test-agent', version: '1.0.0' };

export const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
export const MEMORY = join(ROOT, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js');
export const FILESYSTEM = join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
export const INSPECTOR = join(ROOT, 'node_modules/.bin/mcp-inspector');

/** The SDK's first line over Streamable HTTP, as most agents in use today. */
export async function agentV1(
  gateway: string,
  token: string,
  capabilities: ClientCapabilities = {},
): Promise<ClientV1> {
  const client = new ClientV1(INFO, { capabilities });
  const transport = new HttpV1(new URL(gateway), { requestInit: { headers: { authorization: `Bearer ${token}` } } });
  await client.connect(transport as Transport);
  return client;
}

/** The SDK's first line over HTTP+SSE, the transport of 2024-11-05. */
export async function agentSse(gateway: string, token: string): Promise<ClientV1> {
  const client = new ClientV1(INFO);
  const headers = { authorization: `Bearer ${token}` };
  const url = new URL('/sse', gateway);
  await client.connect(new SSEClientTransport(url, { requestInit: { headers } }));
  return client;
}

/** The SDK's second line; `pin` speaks 2026-07-28 only, `auto` finds out, `legacy` initialises a session. */
export async function agentV2(gateway: string, token: string, mode: 'legacy' | 'auto' | 'pin'): Promise<ClientV2> {
  const client = new ClientV2(
    INFO,
    mode === 'legacy' ? {} : { versionNegotiation: { mode: mode === 'pin' ? { pin: '2026-07-28' } : 'auto' } },
  );
  await client.connect(
    new HttpV2(new URL(gateway), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return client;
}

/** An SDK client on the standard streams of a program: a server itself, or the bridge. */
export async function agentOn(command: string, args: readonly string[]): Promise<ClientV1> {
  const client = new ClientV1(INFO);
  await client.connect(new StdioClientTransport({ command, args: [...args], stderr: 'pipe' }));
  return client;
}
