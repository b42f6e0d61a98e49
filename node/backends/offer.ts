import type { ServerAccess, ServerDefinition, ServerPromises } from '../../src/mcp/index.ts';
import type { ServerConfig } from '../config/schema.ts';

/** What of a third-party server is offered: the tools its configuration allows, at the levels it names, with what it promises of them. */
export function offered(definition: ServerDefinition, config: ServerConfig): ServerDefinition {
  const allowed = config.tools === undefined ? undefined : new Set(config.tools);
  const tools = allowed === undefined ? definition.tools : definition.tools.filter((tool) => allowed.has(tool.name));
  const promises = promisesOf(config);
  return {
    ...definition,
    tools,
    access: configuredAccess(config),
    ...(promises === undefined ? {} : { promises }),
  };
}

export function configuredAccess({ level, toolLevels }: Pick<ServerConfig, 'level' | 'toolLevels'>): ServerAccess {
  return { level, tools: toolLevels };
}

/** undefined where nothing but the defaults is said: such a server's definition stays what it was. */
function promisesOf(config: ServerConfig): ServerPromises | undefined {
  const { cacheTtlMs, toolCacheTtlMs, idempotent } = config;
  const perAgent = config.instances === 'per-agent';
  const silent = cacheTtlMs === 0 && Object.keys(toolCacheTtlMs).length === 0 && idempotent.length === 0 && !perAgent;
  return silent ? undefined : { cacheTtlMs, toolCacheTtlMs, idempotent, perAgent };
}
