import type { RouterPort } from './router-port.ts';

type Served = ReturnType<RouterPort['servers']>[number];

/** The namespace of names in this subregistry: they mean something in this village only. */
const NAMESPACE = 'local.village';
const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';
const MAX_TEXT = 100;
const MAX_VERSION = 255;

/** One server in the form of the MCP registry's API (`ServerResponse`). Source: registry openapi.yaml, 2025-12-01. */
export interface ServerEntry {
  readonly server: { readonly name: string; readonly version: string; readonly [field: string]: unknown };
  readonly _meta: Readonly<Record<string, unknown>>;
  /** When it was first seen in the village; not part of what is sent. */
  readonly sinceMs: number;
}

/** `origin`: this gateway as its client names it. */
export function serverEntry({ label, definition, replicas }: Served, origin: string): ServerEntry {
  const { serverInfo } = definition;
  const sinceMs = Math.min(...replicas.map(({ firstSeenMs }) => firstSeenMs));
  const since = Number.isFinite(sinceMs) ? new Date(sinceMs).toISOString() : undefined;
  const dates = since === undefined ? {} : { publishedAt: since, updatedAt: since };
  const authorization = {
    name: 'Authorization',
    description: 'Bearer and a token of this village: `village token`, or the token endpoint of this gateway',
    isRequired: true,
    isSecret: true,
  };
  return {
    server: {
      $schema: SCHEMA,
      name: `${NAMESPACE}/${label}`,
      title: cut(textOf(serverInfo['title']) ?? label),
      description: cut(descriptionOf(definition)),
      version: serverInfo.version.slice(0, MAX_VERSION) || '0.0.0',
      remotes: [{ type: 'streamable-http', url: `${origin}/mcp/${label}`, headers: [authorization] }],
    },
    _meta: {
      'io.modelcontextprotocol.registry/official': { status: 'active', ...dates, isLatest: true },
      [`${NAMESPACE}/placement`]: { nodes: replicas.map(({ nodeId }) => nodeId) },
    },
    sinceMs: since === undefined ? 0 : sinceMs,
  };
}

function descriptionOf({ serverInfo, instructions, tools }: Served['definition']): string {
  const named = tools.map(({ name }) => name).join(', ');
  return textOf(serverInfo['description']) ?? textOf(instructions) ?? (named === '' ? serverInfo.name : named);
}

/** On one line and without a heading's marks; undefined when there is nothing to read. */
function textOf(value: unknown): string | undefined {
  const text =
    typeof value === 'string'
      ? value
          .replace(/\s+/g, ' ')
          .replace(/^[\s#]+/, '')
          .trim()
      : '';
  return text === '' ? undefined : text;
}

function cut(text: string): string {
  const letters = Array.from(text);
  return letters.length <= MAX_TEXT ? text : `${letters.slice(0, MAX_TEXT - 1).join('')}…`;
}
