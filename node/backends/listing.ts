import { exactCanonicalJson } from '../../src/kernel/index.ts';
import { ERRORS, isObject, type ServerDefinition } from '../../src/mcp/index.ts';
import { BackendError } from './backend-error.ts';
import type { Connection } from './connection.ts';
import { problemOf, type Terms } from './handshake.ts';

const MAX_PAGES = 100;
const MAX_CHARACTERS = 4 * 1024 * 1024;
const LIST_TIMEOUT_MS = 30_000;

type Item = Record<string, unknown>;

export interface Listing {
  readonly definition: ServerDefinition;
  /** What had to be left out, for a person; undefined when all is there. */
  readonly problem: string | undefined;
}

/** Everything the server lists, all pages of it. Throws BackendError BACKEND_LISTING when it goes away or over the bounds. */
export async function listAll(connection: Connection, terms: Terms): Promise<Listing> {
  const has = (name: string): boolean => isObject(terms.capabilities[name]);
  const left = { characters: MAX_CHARACTERS, pages: MAX_PAGES, dropped: 0 };
  const list = async (on: boolean, method: string, field: string, valid: (item: Item) => boolean) =>
    on ? await pages(connection, { method, field, valid }, left) : [];
  const tools = await list(has('tools'), 'tools/list', 'tools', (item) => named(item) && isObject(item['inputSchema']));
  const resources = await list(has('resources'), 'resources/list', 'resources', (item) => hasText(item, 'uri'));
  const templates = await list(has('resources'), 'resources/templates/list', 'resourceTemplates', (item) =>
    hasText(item, 'uriTemplate'),
  );
  const prompts = await list(has('prompts'), 'prompts/list', 'prompts', named);
  const definition = {
    serverInfo: terms.serverInfo,
    ...(terms.instructions === undefined ? {} : { instructions: terms.instructions }),
    capabilities: terms.capabilities,
    tools: unique(tools, 'name'),
    resources: unique(resources, 'uri'),
    resourceTemplates: unique(templates, 'uriTemplate'),
    prompts: unique(prompts, 'name'),
  } as unknown as ServerDefinition;
  if (sizeOf(definition as unknown as Item) === undefined) {
    throw new BackendError('BACKEND_LISTING', 'what it says of itself has no canonical JSON');
  }
  const problem = left.dropped === 0 ? undefined : `${left.dropped} malformed definitions were left out`;
  return { definition, problem };
}

interface ListKind {
  readonly method: string;
  readonly field: string;
  readonly valid: (item: Item) => boolean;
}

async function pages(
  connection: Connection,
  kind: ListKind,
  left: { characters: number; pages: number; dropped: number },
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    if (left.pages-- === 0) throw new BackendError('BACKEND_LISTING', `${kind.method}: more than ${MAX_PAGES} pages`);
    const params = cursor === undefined ? undefined : { cursor };
    const ending = await connection.ask(kind.method, params, { deadlineAt: performance.now() + LIST_TIMEOUT_MS });
    // Many servers declare a capability and leave out one of its lists.
    if (ending.kind === 'error' && ending.error.code === ERRORS.METHOD_NOT_FOUND.code) return items;
    if (ending.kind !== 'result') throw new BackendError('BACKEND_LISTING', `${kind.method}: ${problemOf(ending)}`);
    const page = ending.result[kind.field];
    for (const item of Array.isArray(page) ? page : []) {
      const size = isObject(item) && kind.valid(item) ? sizeOf(item) : undefined;
      if (size === undefined) {
        left.dropped++;
        continue;
      }
      left.characters -= size;
      if (left.characters < 0) throw new BackendError('BACKEND_LISTING', 'its definitions are larger than 4 MiB');
      items.push(item as Item);
    }
    const next = ending.result['nextCursor'];
    cursor = typeof next === 'string' && next !== cursor ? next : undefined;
  } while (cursor !== undefined);
  return items;
}

/** Characters of the item's canonical JSON; undefined when it has none (a lone surrogate, say) and so could not be hashed. */
function sizeOf(item: Item): number | undefined {
  try {
    return exactCanonicalJson(item).length;
  } catch {
    return undefined;
  }
}

function hasText(item: Item, key: string): boolean {
  return typeof item[key] === 'string' && item[key] !== '';
}

function named(item: Item): boolean {
  return hasText(item, 'name');
}

/** The first of each name: a list with duplicates would mean two things by one word. */
function unique(items: readonly Item[], key: string): Item[] {
  const seen = new Set<unknown>();
  return items.filter((item) => !seen.has(item[key]) && seen.add(item[key]) !== undefined);
}
