/** One piece of work in a trace, over. */
export interface Span {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** The parent is a span of another process. */
  readonly parentIsRemote: boolean;
  /** `performance.now()` */
  readonly startedAt: number;
  /** The agent for whom it is done, and the id under which the audit log has the call (hex). */
  readonly agent: string;
  readonly callId: string;
  /** The tool or prompt, where there is one of that name: an invention of the caller's is not told. */
  readonly name: string | undefined;
  /** Code of the JSON-RPC error that it ended with. */
  readonly errorCode: number | undefined;
}
