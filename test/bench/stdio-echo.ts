/** The backend behind every gateway that is compared: an MCP server on its standard streams that costs next to nothing. */
import { createInterface } from 'node:readline';

interface Asked {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly message?: string } };
}

const inputSchema = { type: 'object', properties: { message: { type: 'string' } } };

function answer({ method, params }: Asked): object {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params?.protocolVersion ?? '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'echo', version: '1.0.0' },
      };
    case 'tools/list':
      return { tools: [{ name: 'echo', description: 'says it again', inputSchema }] };
    case 'tools/call':
      return { content: [{ type: 'text', text: params?.arguments?.message ?? '' }] };
    default:
      return {};
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line) as Asked;
  if (asked.id === undefined) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: answer(asked) })}\n`);
});
