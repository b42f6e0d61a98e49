import type { ServerDefinition } from '../../../src/mcp/index.ts';
import type { Offer } from '../../../src/routing/index.ts';

export const NODE_A = '12D3KooWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaa';
export const NODE_B = '12D3KooWBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBbbbb';
export const NODE_C = '12D3KooWCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCcccc';

export function definition(tools: readonly string[], more: Partial<ServerDefinition> = {}): ServerDefinition {
  return {
    serverInfo: { name: 'test', version: '1' },
    capabilities: { tools: {} },
    tools: tools.map((name) => ({ name, description: `does ${name}`, inputSchema: { type: 'object' } })),
    resources: [],
    resourceTemplates: [],
    prompts: [],
    ...more,
  };
}

export function offer(alias: string, nodeId: string, more: Partial<Offer> = {}): Offer {
  return {
    alias,
    nodeId,
    local: false,
    kind: 'third_party',
    definitionHash: 'h1',
    firstSeenMs: 1_000,
    definition: definition(['echo']),
    ...more,
  };
}
