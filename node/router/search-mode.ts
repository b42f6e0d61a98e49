import type { PolicyView } from '../../src/constitution/index.ts';
import { errorText, isObject, resultText, type ToolDefinition } from '../../src/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import { type Catalogue, SearchIndex, type ToolEntry, type View } from '../../src/routing/index.ts';
import type { Awaitable } from '../backends/backend.ts';
import type { RouterCall, RouterPort, RouterReply } from '../gateway/router-port.ts';
import { type Hides, mayUse } from './lists.ts';
import { MISSING, type MissingServer } from './missing.ts';
import { CALL_TOOL, FIND_TOOLS, SEARCH_TOOLS } from './search-tools.ts';

const DEFAULT_LIMIT = 8;
const MAX_LIMIT = 50;
const MAX_QUERY = 1000;
const LIST_TTL_MS = 5_000;

interface Found {
  readonly name: string;
  readonly about: string;
  readonly entry: ToolEntry;
}

interface SearchParts {
  readonly catalogue: () => Catalogue;
  readonly policy: () => PolicyView;
  /** What neither list nor search holds though it might. */
  readonly missing: (principal: Principal) => readonly MissingServer[];
  readonly hides: Hides;
  /** What a call gets that does not say. */
  readonly mode: () => 'list' | 'search';
}

/**
 * A router whose callers may see two tools in place of all: one that finds the others, and one that calls them. What is found and
 * what may be called is what the whole list would hold; calls go the way of all calls.
 */
export class SearchMode implements RouterPort {
  readonly #router: RouterPort;
  readonly #parts: SearchParts;
  readonly #indexes = new WeakMap<View, SearchIndex<Found>>();

  constructor(router: RouterPort, parts: SearchParts) {
    this.#router = router;
    this.#parts = parts;
  }

  handle(call: RouterCall): Awaitable<RouterReply> {
    const { method, params } = call.request;
    if (method !== 'tools/call' && method !== 'tools/list') return this.#router.handle(call);
    if ((call.toolsMode ?? this.#parts.mode()) !== 'search') return this.#router.handle(call);
    if (method === 'tools/list') {
      return reply(call, { tools: SEARCH_TOOLS, ...this.#lacking(call) }, LIST_TTL_MS);
    }
    switch (params?.['name']) {
      case FIND_TOOLS:
        return this.#find(call, argumentsOf(call));
      case CALL_TOOL:
        return this.#call(call, argumentsOf(call));
      default:
        return this.#router.handle(call);
    }
  }

  describe(...asked: Parameters<RouterPort['describe']>): ReturnType<RouterPort['describe']> {
    return this.#router.describe(...asked);
  }

  away(...asked: Parameters<RouterPort['away']>): ReturnType<RouterPort['away']> {
    return this.#router.away(...asked);
  }

  mirrored(...asked: Parameters<RouterPort['mirrored']>): ReturnType<RouterPort['mirrored']> {
    return this.#router.mirrored(...asked);
  }

  servers(...asked: Parameters<RouterPort['servers']>): ReturnType<RouterPort['servers']> {
    return this.#router.servers(...asked);
  }

  refused(...detail: Parameters<RouterPort['refused']>): void {
    this.#router.refused(...detail);
  }

  subscribe(...asked: Parameters<RouterPort['subscribe']>): ReturnType<RouterPort['subscribe']> {
    return this.#router.subscribe(...asked);
  }

  onListChanged(...listener: Parameters<RouterPort['onListChanged']>): () => void {
    return this.#router.onListChanged(...listener);
  }

  #find(call: RouterCall, { query, limit = DEFAULT_LIMIT, server }: Readonly<Record<string, unknown>>): RouterReply {
    if (typeof query !== 'string' || query.length > MAX_QUERY) {
      return wrong(call, `query must be a text of at most ${MAX_QUERY} characters`);
    }
    if (!Number.isInteger(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT) {
      return wrong(call, `limit must be a whole number from 1 to ${MAX_LIMIT}`);
    }
    if (server !== undefined && typeof server !== 'string') return wrong(call, 'server must be the name of a server');
    const { village, views } = this.#parts.catalogue();
    const view = call.view === undefined ? village : views.get(call.view);
    const tools: ToolDefinition[] = [];
    for (const { entry } of view === undefined ? [] : this.#indexOf(view).search(query)) {
      if (tools.length === limit) break;
      if (server !== undefined && entry.service.label !== server) continue;
      if (this.#parts.hides(entry, 'tool')) continue;
      if (mayUse(call.principal, entry, 'tools/call', this.#parts.policy())) tools.push(entry.definition);
    }
    const content = [{ type: 'text', text: JSON.stringify({ tools }) }];
    return reply(call, { content, structuredContent: { tools }, ...this.#lacking(call) });
  }

  #call(call: RouterCall, { name, arguments: given = {} }: Readonly<Record<string, unknown>>): Awaitable<RouterReply> {
    if (typeof name !== 'string' || !isObject(given)) {
      return wrong(call, 'name must be the name of a tool and arguments an object');
    }
    if (name === FIND_TOOLS || name === CALL_TOOL) return wrong(call, `${name} is called directly`);
    return this.#router.handle(new RenamedCall(call, name, given));
  }

  /** As every list of the whole village says it. */
  #lacking({ principal, view }: RouterCall): { readonly _meta?: Readonly<Record<string, unknown>> } {
    const missing = view === undefined ? this.#parts.missing(principal) : [];
    return missing.length === 0 ? {} : { _meta: { [MISSING]: missing } };
  }

  #indexOf(view: View): SearchIndex<Found> {
    const known = this.#indexes.get(view);
    if (known !== undefined) return known;
    const found = [...view.tools.values()].map((entry) => {
      const { title, description = '' } = entry.definition;
      return { name: entry.exposedName, about: `${typeof title === 'string' ? title : ''} ${description}`, entry };
    });
    const index = new SearchIndex(found);
    this.#indexes.set(view, index);
    return index;
  }
}

/** The call that `call_tool` asks for: everything of the call it came in, but for the tool. */
class RenamedCall implements RouterCall {
  readonly request: RouterCall['request'];
  readonly principal: RouterCall['principal'];
  readonly era: RouterCall['era'];
  readonly view: RouterCall['view'];
  readonly sourceIp: RouterCall['sourceIp'];
  readonly sessionId: RouterCall['sessionId'];
  readonly onRelated: RouterCall['onRelated'];
  readonly client: RouterCall['client'];
  readonly ask: RouterCall['ask'];
  readonly logLevel: RouterCall['logLevel'];
  readonly traceparent: RouterCall['traceparent'];
  readonly timeoutMs: RouterCall['timeoutMs'];
  readonly #call: RouterCall;

  constructor(call: RouterCall, name: string, given: Readonly<Record<string, unknown>>) {
    this.request = { ...call.request, params: { ...call.request.params, name, arguments: given } };
    this.principal = call.principal;
    this.era = call.era;
    this.view = call.view;
    this.sourceIp = call.sourceIp;
    this.sessionId = call.sessionId;
    this.onRelated = call.onRelated;
    this.client = call.client;
    this.ask = call.ask;
    this.logLevel = call.logLevel;
    this.traceparent = call.traceparent;
    this.timeoutMs = call.timeoutMs;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get cancellation(): RouterCall['cancellation'] {
    return this.#call.cancellation;
  }
}

function argumentsOf(call: RouterCall): Readonly<Record<string, unknown>> {
  const given = call.request.params?.['arguments'];
  return isObject(given) ? given : {};
}

/** A result in the caller's era. `ttlMs`: how long a list may be kept. */
function reply({ request, era }: RouterCall, result: object, ttlMs?: number): RouterReply {
  if (era === 'session') return { body: Buffer.from(resultText(request.id, result)) };
  const caching = ttlMs === undefined ? {} : { ttlMs, cacheScope: 'private' };
  return { body: Buffer.from(resultText(request.id, { resultType: 'complete', ...result, ...caching })) };
}

function wrong({ request }: RouterCall, message: string): RouterReply {
  const error = { name: 'INVALID_PARAMS', message } as const;
  return { body: Buffer.from(errorText(request.id, error)), errorName: error.name };
}
