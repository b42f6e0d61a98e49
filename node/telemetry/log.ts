import { VillageError } from '../../src/kernel/index.ts';
import { parseTraceparent } from '../../src/mcp/index.ts';
import { areaOf, type LogArea } from './areas.ts';
import type { EventBus, EventName, Events } from './events.ts';
import { IMPORTANCE, isHeard, type LogLevel } from './importance.ts';
import { LeftOutLines } from './left-out-lines.ts';
import { redacted } from './redact.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Where it differs. */
  readonly areas?: { readonly [Area in LogArea]?: LogLevel | undefined } | undefined;
  readonly format: 'text' | 'json';
  /** Takes one line, without its line feed. */
  readonly write: (line: string) => void;
  /** Unix milliseconds. */
  readonly now?: (() => number) | undefined;
  /** Milliseconds of a clock that never steps. */
  readonly elapsed?: (() => number) | undefined;
}

const MAX_VALUE_CHARS = 2_000;

/**
 * Writes the events of `bus` as lines: time, level, event, fields. One event is one line whatever its fields hold; secrets are
 * blotted out. Of what a peer brings about faster than is read, one line says how much was left out. Answers a function that ends it.
 */
export function writeLog(bus: EventBus, options: LogOptions): () => void {
  const { level, areas = {}, format, write, now = Date.now, elapsed = () => performance.now() } = options;
  const line = format === 'json' ? jsonLine : textLine;
  const thresholdOf = (name: EventName): LogLevel => areas[areaOf(name)] ?? level;
  const names = (Object.keys(IMPORTANCE) as EventName[]).filter((name) =>
    isHeard(IMPORTANCE[name].level, thresholdOf(name)),
  );
  const leftOut = new LeftOutLines();
  const say = (name: EventName, fields: Line['fields']): void => {
    write(
      line({
        at: new Date(now()).toISOString(),
        level: IMPORTANCE[name].level,
        area: areaOf(name),
        event: name,
        fields,
      }),
    );
  };
  const tell = (due: readonly [EventName, number][]): void => {
    for (const [name, count] of due) say(name, [['left_out', count]]);
  };
  const ends = names.map((name) => {
    const threshold = thresholdOf(name);
    return bus.on(name, (detail) => {
      const nowMs = elapsed();
      tell(leftOut.due(nowMs));
      const peer = threshold === 'debug' ? undefined : peerIn(detail);
      if (peer === undefined || leftOut.admits(name, peer, nowMs)) say(name, fieldsOf(name, detail, threshold));
    });
  });
  return () => {
    for (const end of ends) end();
    tell(leftOut.due(elapsed(), { everything: true }));
  };
}

/** Who brought it about; undefined: no other node did. */
function peerIn(detail: Events[EventName]): string | undefined {
  const { peer, by } = detail as { readonly peer?: string; readonly by?: string };
  const node = peer ?? by;
  return node === '' ? undefined : node;
}

interface Line {
  readonly at: string;
  readonly level: LogLevel;
  readonly area: LogArea;
  readonly event: string;
  readonly fields: readonly (readonly [name: string, value: unknown])[];
}

function fieldsOf(name: EventName, detail: Events[EventName], level: LogLevel): [string, unknown][] {
  const shown = new Set<string>(IMPORTANCE[name].fields);
  const out: [string, unknown][] = [];
  for (const [field, value] of Object.entries(detail)) {
    if (value === undefined || (level !== 'debug' && !shown.has(field))) continue;
    if (field === 'error') out.push(...errorFields(value, level));
    else if (field === 'traceparent' || field === 'span') continue;
    else out.push([field, clean(value)]);
  }
  return [...out, ...traceOf(detail)];
}

/** Where in a trace it belongs. */
function traceOf(detail: Events[EventName]): [string, unknown][] {
  const { span, traceparent } = detail as Partial<Pick<Events['call.done'], 'span' | 'traceparent'>>;
  if (span !== undefined) return traced(span.traceId, span.spanId);
  const within = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  return within === undefined ? [] : traced(within.traceId, within.parentId);
}

function traced(traceId: string, spanId: string): [string, string][] {
  return [
    ['trace_id', traceId],
    ['span_id', spanId],
  ];
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return redacted(value).slice(0, MAX_VALUE_CHARS);
  return Array.isArray(value) ? value.slice(0, 50).map(clean) : value;
}

/** Our own errors say what they mean; the words of any other may be a remote's, so above debug only its kind and place are told. */
function errorFields(error: unknown, level: LogLevel): [string, unknown][] {
  if (!(error instanceof Error)) return [['error', typeof error]];
  const out: [string, unknown][] = [['error', error.name]];
  if ('code' in error && typeof error.code === 'string') out.push(['code', error.code.slice(0, 80)]);
  if (error instanceof VillageError) {
    out.push(['message', clean(error.message)]);
    if (error.hint !== undefined) out.push(['hint', clean(error.hint)]);
  } else {
    const place = placeOf(error);
    if (place !== undefined) out.push(['at', place]);
  }
  if (level === 'debug') out.push(['stack', fullStack(error)]);
  return out;
}

/** `node/router/router.ts:12:3`: where the error was made, from the last two folders on. */
function placeOf(error: Error): string | undefined {
  return /\n\s+at .*?((?:[\w.-]+\/){0,2}[\w.-]+:\d+:\d+)\)?/.exec(error.stack ?? '')?.[1];
}

function fullStack(error: Error): string {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error && causes.length < 5; at = at.cause)
    causes.push(at.stack ?? String(at));
  return redacted(causes.join('\ncaused by: ')).slice(0, 4 * MAX_VALUE_CHARS);
}

function jsonLine({ at, level, area, event, fields }: Line): string {
  return JSON.stringify({ at, level, area, event, ...Object.fromEntries(fields) });
}

function textLine({ at, level, event, fields }: Line): string {
  const words = fields.map(([name, value]) => ` ${name}=${word(value)}`).join('');
  return `${at} ${level.padEnd(5)} ${event}${words}`;
}

/** A bare word where it is plain; else quoted, with every control or non-ASCII character escaped: a line cannot be forged. */
function word(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/^[\w@:./+-]+$/.test(text)) return text;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
