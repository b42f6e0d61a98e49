import { parseTraceparent } from '../../src/mcp/index.ts';
import type { Reporter } from './events.ts';
import { newSpanId } from './span-id.ts';

/** Words and numbers of this program's own: a collector is told nothing that somebody made up. */
export type WorkAttributes = Readonly<Record<string, string>>;

export interface WorkEnd {
  /** `ok`, or a code of a closed list. */
  readonly outcome: string;
  readonly attributes?: WorkAttributes | undefined;
}

/** A part of a traced call, under way. */
export interface TracedWork {
  /** A part of it that is over, since `startedAt` (`performance.now()`). */
  part(name: string, startedAt: number, end: WorkEnd): void;
  end(end: WorkEnd): void;
}

/** undefined: what it is part of is not traced, and nothing is done. */
export function tracedWork(
  reporter: Reporter,
  {
    traceparent,
    name,
    agent,
  }: { readonly traceparent: string | undefined; readonly name: string; readonly agent: string },
): TracedWork | undefined {
  const within = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  if (within === undefined || !within.sampled) return undefined;
  const { traceId } = within;
  const [spanId, startedAt] = [newSpanId(), performance.now()];
  const said = { callId: '', name: undefined, errorCode: undefined, parentIsRemote: false, agent, traceId };
  const tell = (of: string, span: { spanId: string; parentSpanId: string; startedAt: number }, end: WorkEnd): void => {
    const { outcome, attributes = {} } = end;
    const durationMs = performance.now() - span.startedAt;
    reporter.report('work.done', {
      name: of,
      side: 'internal',
      outcome,
      attributes,
      durationMs,
      span: { ...said, ...span },
    });
  };
  return {
    part: (of, began, end) => tell(of, { spanId: newSpanId(), parentSpanId: spanId, startedAt: began }, end),
    end: (end) => tell(name, { spanId, parentSpanId: within.parentId, startedAt }, end),
  };
}
