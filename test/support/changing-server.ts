/** The program of a server on stdio whose one tool, `say`, is described so. */
export function changingServer(description: string): string {
  return `
import { createInterface } from 'node:readline';
const tools = [{ name: 'say', description: ${JSON.stringify(description)}, inputSchema: { type: 'object' } }];
const answers = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'odd', version: '1' } },
  ping: {},
  'tools/list': { tools },
  'tools/call': { content: [{ type: 'text', text: 'said' }] },
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line);
  if (id === undefined) continue;
  const result = answers[method];
  const error = { code: -32601, message: 'no such method' };
  process.stdout.write(JSON.stringify(result ? { jsonrpc: '2.0', id, result } : { jsonrpc: '2.0', id, error }) + '\\n');
}
`;
}
