import { isObject, type RpcRequest, type ServerDefinition } from '../mcp/index.ts';

/** What may be done with the result of one call, and what the call may do to those of others. */
export interface CallReuse {
  /** How long its result may be reused, in milliseconds; 0: not at all, unless the result itself says so. */
  readonly ttlMs: number;
  /** Whether its result may say so itself. */
  readonly saysItself: boolean;
  /** Whether results of the same server may be other ones after it; `others`: those of its other tools. */
  readonly writes: 'no' | 'others' | 'all';
}

const NOTHING: CallReuse = { ttlMs: 0, saysItself: false, writes: 'no' };
const WRITES: CallReuse = { ttlMs: 0, saysItself: false, writes: 'all' };

/**
 * What the operator's promises and the tool's own annotations say. A tool that is promised by name only reads. One that says of itself that
 * it writes is believed; one that says nothing is reused as its server is promised to be, and taken to write when it does run.
 */
export function reuseOf(definition: ServerDefinition, { method, params }: RpcRequest): CallReuse {
  const promised = definition.promises?.cacheTtlMs ?? 0;
  // In MCP both only read. Of the two a resource may say for itself how long it is good.
  if (method === 'resources/read') return { ttlMs: promised, saysItself: true, writes: 'no' };
  if (method === 'prompts/get') return { ttlMs: promised, saysItself: false, writes: 'no' };
  if (method !== 'tools/call') return NOTHING;
  const name = params?.['name'];
  if (typeof name !== 'string') return WRITES;
  const named = definition.promises?.toolCacheTtlMs;
  if (named !== undefined && Object.hasOwn(named, name)) {
    const ttlMs = named[name] as number;
    return ttlMs === 0 ? WRITES : { ttlMs, saysItself: false, writes: 'no' };
  }
  if (promised === 0) return WRITES;
  const annotations = definition.tools.find((tool) => tool.name === name)?.['annotations'];
  const readOnly = isObject(annotations) ? annotations['readOnlyHint'] : undefined;
  if (readOnly === true) return { ttlMs: promised, saysItself: false, writes: 'no' };
  const acts = readOnly === false || (isObject(annotations) && annotations['destructiveHint'] === true);
  return acts ? WRITES : { ttlMs: promised, saysItself: false, writes: 'others' };
}

/** Whether the operator promises that the tool may be called again after an unclear failure. */
export function isIdempotent({ promises }: ServerDefinition, { method, params }: RpcRequest): boolean {
  if (promises === undefined || method !== 'tools/call') return false;
  const name = params?.['name'];
  return typeof name === 'string' && promises.idempotent.includes(name);
}
