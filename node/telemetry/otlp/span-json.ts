import type { Events } from '../events.ts';

/** A span as OTLP/JSON has it: ids as hex, 64-bit numbers as text. */
export interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: 1 | 2 | 3;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: 2 };
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const SAMPLED = 0x001;
const KNOWS_IF_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/**
 * The span of a call that ended, with the names that OpenTelemetry gives to MCP. No arguments, no results, and neither URIs nor session
 * ids, which may hold what is none of a collector's business. `epochMs`: Unix time at 0 of `performance.now()`.
 */
export function doneSpan(
  done: Events['call.done'] & { readonly span: Events['call.forwarded']['span'] },
  epochMs: number,
): SpanJson {
  const side = { key: 'village.side', value: { stringValue: done.kind } };
  return spanOf(done, { kind: SERVER, epochMs, more: [side] });
}

/** The span of a traced call's way to another process. */
export function forwardedSpan(forwarded: Events['call.forwarded'], epochMs: number): SpanJson {
  const { to, peer } = forwarded;
  const more: Attribute[] = [{ key: 'network.transport', value: { stringValue: to === 'stdio' ? 'pipe' : 'tcp' } }];
  if (peer !== '') more.push({ key: 'village.peer', value: { stringValue: peer } });
  return spanOf(forwarded, { kind: CLIENT, epochMs, more });
}

/** The span of a list, or of a part of a call that this node did itself. */
export function workSpan(done: Events['work.done'], epochMs: number): SpanJson {
  const { name, side, outcome, attributes, span } = done;
  const said = { ...attributes, 'village.agent': span.agent, 'village.outcome': outcome };
  const list = Object.entries(said).flatMap(([key, stringValue]) =>
    stringValue === '' ? [] : [{ key, value: { stringValue } }],
  );
  if (outcome !== 'ok') list.push({ key: 'error.type', value: { stringValue: outcome } });
  return placed(done, { name, kind: side === 'server' ? SERVER : INTERNAL, epochMs, attributes: list });
}

function spanOf(
  ended: Omit<Events['call.forwarded'], 'to' | 'peer'>,
  { kind, epochMs, more }: { readonly kind: 2 | 3; readonly epochMs: number; readonly more: readonly Attribute[] },
): SpanJson {
  const { method, server, outcome, reason, span } = ended;
  const { name, errorCode } = span;
  const attributes: Attribute[] = [...more];
  const say = (key: string, stringValue: string | undefined): void => {
    if (stringValue !== undefined && stringValue !== '') attributes.push({ key, value: { stringValue } });
  };
  say('mcp.method.name', method);
  if (method === 'tools/call') {
    say('gen_ai.operation.name', 'execute_tool');
    say('gen_ai.tool.name', name);
  } else if (method === 'prompts/get') say('gen_ai.prompt.name', name);
  say('village.server', server);
  say('village.agent', span.agent);
  say('village.call_id', span.callId);
  say('village.outcome', outcome);
  say('village.reason', reason);
  const code = errorCode === undefined ? undefined : String(errorCode);
  say('rpc.response.status_code', code);
  if (outcome !== 'ok') say('error.type', outcome === 'tool_error' ? 'tool_error' : (code ?? '_OTHER'));
  return placed(ended, { name: name === undefined ? method : `${method} ${name}`, kind, epochMs, attributes });
}

/** Where in its trace it lies, and when. */
function placed(
  { span, outcome, durationMs }: Pick<Events['work.done'], 'span' | 'outcome' | 'durationMs'>,
  shown: Pick<SpanJson, 'name' | 'kind' | 'attributes'> & { readonly epochMs: number },
): SpanJson {
  const { traceId, spanId, parentSpanId, parentIsRemote, startedAt } = span;
  const { name, kind, attributes, epochMs } = shown;
  const remote = parentIsRemote ? IS_REMOTE : 0;
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    flags: SAMPLED | (parentSpanId === undefined ? 0 : KNOWS_IF_REMOTE | remote),
    name,
    kind,
    startTimeUnixNano: nanoseconds(epochMs + startedAt),
    endTimeUnixNano: nanoseconds(epochMs + startedAt + durationMs),
    attributes,
    status: outcome === 'ok' ? {} : { code: 2 },
  };
}

/** Unix time as a count of nanoseconds; a double knows the time of today to a quarter of a microsecond. */
function nanoseconds(unixMs: number): string {
  return `${Math.round(unixMs * 1000)}000`;
}
