import type { ServerAccess, ServerDefinition, ServerPromises } from '../../src/mcp/index.ts';
import type { ServerConfig } from '../config/schema.ts';

/** What of a third-party server is offered: the tools its configuration allows, at the levels it names, with what it promises of them. */
export function offered(definition: ServerDefinition, config: ServerConfig): ServerDefinition {
  const promises = promisesOf(config);
  return {
    ...definition,
    tools: definition.tools.filter(({ name }) => isOffered(name, config)),
    access: configuredAccess(config),
    ...(promises === undefined ? {} : { promises }),
  };
}

export function configuredAccess(config: ServerConfig): ServerAccess {
  return { level: config.level, tools: ofOffered(config.toolLevels, config) };
}

/** As other clients read these keys: what excludes wins, and `name(…)` includes `name`. */
function isOffered(name: string, { tools, includeTools, excludeTools, disabledTools }: ServerConfig): boolean {
  if (excludeTools?.includes(name) === true || disabledTools?.includes(name) === true) return false;
  if (tools?.includes(name) === false) return false;
  return includeTools?.some((one) => one === name || one.startsWith(`${name}(`)) !== false;
}

/** Nobody hears the name of a tool that is not offered. */
function ofOffered<Value>(byTool: Readonly<Record<string, Value>>, config: ServerConfig): Record<string, Value> {
  return Object.fromEntries(Object.entries(byTool).filter(([name]) => isOffered(name, config)));
}

/** undefined where nothing but the defaults is said: such a server's definition stays what it was. */
function promisesOf(config: ServerConfig): ServerPromises | undefined {
  const { cacheTtlMs } = config;
  const toolCacheTtlMs = ofOffered(config.toolCacheTtlMs, config);
  const idempotent = config.idempotent.filter((name) => isOffered(name, config));
  const perAgent = config.instances === 'per-agent';
  const silent = cacheTtlMs === 0 && Object.keys(toolCacheTtlMs).length === 0 && idempotent.length === 0 && !perAgent;
  return silent ? undefined : { cacheTtlMs, toolCacheTtlMs, idempotent, perAgent };
}
