/**
 * Errors that a peer's stream can raise where no promise is waiting for them (libp2p throws from a microtask when a stream ends
 * while it drains). They cost that stream, which is gone already, and must not cost the node.
 */
const OF_A_STREAM: ReadonlySet<string> = new Set([
  'StreamStateError',
  'StreamResetError',
  'StreamAbortedError',
  'StreamClosedError',
  'MuxerClosedError',
  'ConnectionClosedError',
]);

/** Whether an error that nobody caught is a stream's end, which a remote can cause at will, rather than a bug. */
export function isStreamEnd(error: unknown): boolean {
  return error instanceof Error && OF_A_STREAM.has(error.name);
}
