import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CreateMessageRequestSchema,
  type CreateMessageRequest,
  ElicitRequestSchema,
  type ElicitRequest,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

export interface AnsweringAgent {
  readonly client: Client;
  /** What servers asked of it, in order. */
  readonly sampled: CreateMessageRequest['params'][];
  readonly elicited: ElicitRequest['params'][];
}

export interface AnsweringOptions {
  /** What its model says to the last message. Default: the message in capitals. */
  readonly model?: (prompt: string) => string | Promise<string>;
  readonly roots?: readonly string[];
}

/** An SDK client that can be asked everything a server may ask, with answers that never vary. */
export async function answeringAgent(transport: Transport, options: AnsweringOptions = {}): Promise<AnsweringAgent> {
  const { model = (prompt: string) => prompt.toUpperCase(), roots = ['file:///tmp/village-root'] } = options;
  const client = new Client(
    { name: 'answering-agent', version: '1.0.0' },
    { capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } } },
  );
  const sampled: CreateMessageRequest['params'][] = [];
  const elicited: ElicitRequest['params'][] = [];
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }) => {
    sampled.push(params);
    const last = params.messages.at(-1)?.content;
    const text = await model(last !== undefined && 'text' in last ? String(last.text) : '');
    return { role: 'assistant' as const, model: 'a model of the tests', content: { type: 'text' as const, text } };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    elicited.push(params);
    const content = { name: 'Ada', ok: true, check: true, integer: 7, email: 'ada@example.org' };
    return params.mode === 'url' ? { action: 'accept' as const } : { action: 'accept' as const, content };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((uri) => ({ uri, name: 'root' })) }));
  await client.connect(transport);
  return { client, sampled, elicited };
}

/** Streamable HTTP to a gateway, as most agents connect. */
export function overHttp(url: string, token: string): Transport {
  const headers = { authorization: `Bearer ${token}` };
  return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }) as Transport;
}
