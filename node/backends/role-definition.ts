import { z } from 'zod';
import type { PromptDefinition, ServerDefinition } from '../../src/mcp/index.ts';
import type { Role } from './role.ts';

const REFUSAL = {
  title: 'Refusal',
  description: 'why it was not done (isError is true)',
  type: 'object',
  properties: {
    code: { type: 'string' },
    message: { type: 'string' },
    retryable: { type: 'boolean' },
    retry_after_ms: { type: 'integer' },
  },
  required: ['code', 'message', 'retryable'],
};

/** What a role offers, as its node publishes it. */
export function definitionOf(role: Role): ServerDefinition {
  return {
    serverInfo: { name: role.name, title: role.title, version: role.version },
    instructions: role.instructions,
    capabilities: {
      tools: {},
      resources: role.onUpdated === undefined ? {} : { subscribe: true },
      prompts: {},
      completions: {},
    },
    tools: role.tools.map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      inputSchema: bare(z.toJSONSchema(tool.input, { io: 'input' })),
      outputSchema: orRefusal(bare(z.toJSONSchema(tool.output, { io: 'output' }))),
      annotations: { title: tool.title, ...tool.annotations },
    })),
    resources: role.resources.map(({ read: _, ttlMs: __, ...resource }) => resource),
    resourceTemplates: role.templates ?? [],
    prompts: role.prompts.map(({ write: _, ...prompt }): PromptDefinition => prompt),
  };
}

/** Clients check error results against the output's schema as well. What it refers to by `#/$defs/…` has to lie at the root. */
function orRefusal({ $defs, ...output }: Record<string, unknown>): Record<string, unknown> {
  return { type: 'object', anyOf: [output, REFUSAL], ...($defs === undefined ? {} : { $defs }) };
}

/** Without the dialect's name: MCP's default dialect is the one that zod writes. */
function bare({ $schema: _, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}
