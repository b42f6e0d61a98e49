import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

export type V2Mode = 'legacy' | 'auto' | 'pin';

/** The SDK's second line as `answeringAgent` is its first: asked anything, it answers the same. `pin` speaks 2026-07-28 only. */
export async function v2Agent(transport: Transport, mode: V2Mode) {
  const negotiation = { mode: mode === 'pin' ? { pin: '2026-07-28' } : ('auto' as const) };
  const client = new Client(
    { name: 'v2-agent', version: '1.0.0' },
    {
      capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } },
      ...(mode === 'legacy' ? {} : { versionNegotiation: negotiation }),
    },
  );
  client.setRequestHandler('sampling/createMessage', ({ params }) => {
    const last = params.messages.at(-1)?.content;
    const text = last !== undefined && 'text' in last ? String(last.text).toUpperCase() : '';
    return { role: 'assistant' as const, model: 'a model of the tests', content: { type: 'text' as const, text } };
  });
  client.setRequestHandler('elicitation/create', ({ params }) => {
    const content = { name: 'Ada', ok: true, check: true, integer: 7, email: 'ada@example.org' };
    return params.mode === 'url' ? { action: 'accept' as const } : { action: 'accept' as const, content };
  });
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///tmp/village-root', name: 'root' }] }));
  await client.connect(transport);
  return client;
}

export const v2OverHttp = (url: string, token: string): Transport =>
  new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } });

export const v2OnProgram = (command: string, args: readonly string[]): Transport =>
  new StdioClientTransport({ command, args: [...args], stderr: 'pipe' });
