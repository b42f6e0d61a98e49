import type { ServerDefinition } from '../../src/mcp/index.ts';
import type { ServerConfig } from '../config/schema.ts';

/** What of a third-party server is offered: the tools its configuration allows, at the levels it names. */
export function offered(definition: ServerDefinition, config: ServerConfig): ServerDefinition {
  const allowed = config.tools === undefined ? undefined : new Set(config.tools);
  const tools = allowed === undefined ? definition.tools : definition.tools.filter((tool) => allowed.has(tool.name));
  return { ...definition, tools, access: { level: config.level, tools: config.toolLevels } };
}
