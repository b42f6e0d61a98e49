/** What a `traceparent` says (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 and 16 lower-case hex digits, neither all zero. */
  readonly traceId: string;
  readonly parentId: string;
  /** Who began the trace keeps it. */
  readonly sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
/** What a member of the header `tracestate` may consist of, and how long all of it may be. */
const STATE = /^[\x20-\x7e\t]{1,512}$/;
const MAX_TRACEPARENT_CHARS = 64;

/** undefined: it is none, and what it stood with begins a trace of its own. A later version is read as far as this one goes. */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length > MAX_TRACEPARENT_CHARS) return undefined;
  const [, version, traceId = '', parentId = '', flags = '', more] = FORM.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === NO_TRACE || parentId === NO_SPAN) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && parseTraceparent(value) !== undefined;
}

export function isTracestate(value: unknown): value is string {
  return typeof value === 'string' && STATE.test(value);
}

/** `spanId`: whose children are to say so. */
export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}

/** As `traceparentOf`, where the trace goes on without what is done from here on: who changes a flag is a parent of its own. */
export function untracedParent(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-00`;
}
