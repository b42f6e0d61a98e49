import type { ToolDefinition } from '../../src/mcp/index.ts';

export const FIND_TOOLS = 'find_tools';
export const CALL_TOOL = 'call_tool';

/** The whole list of tools in search mode. */
export const SEARCH_TOOLS: readonly ToolDefinition[] = [
  {
    name: FIND_TOOLS,
    title: 'Find tools',
    description:
      'Finds tools of the village by what they do and returns their full definitions, the best first. Call what you find with call_tool.',
    inputSchema: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'What the tool should do, in a few words', maxLength: 1000 },
        limit: { type: 'integer', minimum: 1, maximum: 50, default: 8, description: 'How many to return at most' },
        server: { type: 'string', description: 'Only tools of this server' },
      },
      required: ['query'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: {
        tools: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              description: { type: 'string' },
              inputSchema: { type: 'object' },
            },
            required: ['name', 'inputSchema'],
          },
        },
      },
      required: ['tools'],
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  {
    name: CALL_TOOL,
    title: 'Call a tool',
    description: 'Calls a tool that find_tools returned, by its name, with arguments that fit its inputSchema.',
    inputSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', description: 'The name, as find_tools returned it' },
        arguments: { type: 'object', description: 'The arguments of the tool', default: {} },
      },
      required: ['name'],
      additionalProperties: false,
    },
  },
];
