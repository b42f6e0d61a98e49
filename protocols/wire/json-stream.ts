import type { Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import type { z } from 'zod';
import { parseExactJson, text, utf8 } from '../../src/kernel/index.ts';
import { WireError } from './wire-error.ts';

export interface Deadline {
  /** Ends the wait, whatever the peer does. */
  readonly signal: AbortSignal;
}

/** One JSON message each way, or a few: each prefixed with its length in bytes as an unsigned varint. */
export interface JsonStream {
  /** The next message, if it is exactly of this shape. Errors: WireError. The stream is aborted when it fails. */
  read<Shape extends z.ZodType>(shape: Shape, deadline: Deadline): Promise<z.infer<Shape>>;
  /** Errors: WireError. The stream is aborted when it fails. */
  write(message: unknown, deadline: Deadline): Promise<void>;
  /** The next message as it came: bytes behind their length, as the JSON ones are. Errors: WireError. The stream is aborted when it fails. */
  readBytes(deadline: Deadline): Promise<Uint8Array>;
  /** Errors: WireError. The stream is aborted when it fails. */
  writeBytes(bytes: Uint8Array, deadline: Deadline): Promise<void>;
  /** Says that nothing more follows; never rejects. */
  close(deadline: Deadline): Promise<void>;
  /** Drops the stream at once. */
  abort(cause: Error): void;
}

export function jsonStream(
  stream: Stream,
  limits: {
    /** Of a message read, and of one written unless said otherwise. */
    readonly maxMessageBytes: number;
    readonly maxWrittenBytes?: number | undefined;
    /** What the peer may send ahead of our reading; one message and the length of the next unless said otherwise. */
    readonly maxUnreadBytes?: number | undefined;
    /** What is read is hashed, and keeps numbers that no double holds as they are written (`parseExactJson`). */
    readonly exactNumbers?: boolean | undefined;
  },
): JsonStream {
  const { maxMessageBytes, maxWrittenBytes = maxMessageBytes, maxUnreadBytes = maxMessageBytes + 64 } = limits;
  const framed = lpStream(stream, { maxDataLength: maxMessageBytes, maxBufferSize: maxUnreadBytes });

  const failing = (error: WireError): never => {
    stream.abort(error);
    throw error;
  };

  const readBytes = async (deadline: Deadline): Promise<Uint8Array> => {
    const bytes = await framed.read(deadline).catch((error: unknown) => failing(wireErrorOf(error, deadline)));
    return bytes.subarray();
  };
  const writeBytes = async (bytes: Uint8Array, deadline: Deadline): Promise<void> => {
    if (bytes.length > maxWrittenBytes) {
      failing(
        new WireError('WIRE_TOO_LARGE', `a message of ${bytes.length} bytes where ${maxWrittenBytes} may be sent`),
      );
    }
    await framed.write(bytes, deadline).catch((error: unknown) => failing(wireErrorOf(error, deadline)));
  };

  return {
    readBytes,
    writeBytes,

    async read(shape, deadline) {
      const parsed = shape.safeParse(parseJson(await readBytes(deadline), limits.exactNumbers === true));
      if (!parsed.success) {
        return failing(new WireError('WIRE_MALFORMED', 'a message of another shape', { cause: parsed.error }));
      }
      return parsed.data;
    },

    async write(message, deadline) {
      await writeBytes(utf8(JSON.stringify(message)), deadline);
    },

    async close(deadline) {
      try {
        await stream.close(deadline);
      } catch (error) {
        stream.abort(wireErrorOf(error, deadline));
      }
    },

    abort: (cause) => stream.abort(cause),
  };
}

/** undefined stands for what is no JSON: no shape accepts it. */
function parseJson(bytes: Uint8Array, isExact: boolean): unknown {
  try {
    return isExact ? parseExactJson(text(bytes)) : JSON.parse(text(bytes));
  } catch {
    return undefined;
  }
}

const TOO_LARGE: ReadonlySet<unknown> = new Set(['ERR_MSG_DATA_TOO_LONG', 'ERR_MSG_LENGTH_TOO_LONG']);

function wireErrorOf(error: unknown, { signal }: Deadline): WireError {
  if (signal.aborted) return new WireError('WIRE_TIMEOUT', 'the peer did not finish in time', { cause: error });
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (TOO_LARGE.has(code))
    return new WireError('WIRE_TOO_LARGE', 'the peer announced too long a message', { cause: error });
  if (code === 'ERR_INVALID_MSG_LENGTH' || error instanceof RangeError) {
    return new WireError('WIRE_MALFORMED', 'the peer sent no readable length', { cause: error });
  }
  return new WireError('WIRE_CLOSED', 'the stream ended early', { cause: error });
}
