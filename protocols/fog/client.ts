import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { type Envelope, FOG } from './schema.ts';

/** The sending end of a stream. */
export interface FogWriter {
  /** Errors: WireError WIRE_TOO_LARGE (of this message), WIRE_TIMEOUT or WIRE_CLOSED; the stream is of no more use then. */
  write(envelope: Envelope, deadline: Deadline): Promise<void>;
  /** Never rejects. */
  close(deadline: Deadline): Promise<void>;
}

export function fogWriter(stream: Stream): FogWriter {
  const wire = jsonStream(stream, { maxMessageBytes: FOG.maxMessageBytes });
  return {
    write: (envelope, deadline) => wire.write(envelope, deadline),
    close: (deadline) => wire.close(deadline),
  };
}

/** Whether the message is short enough to be sent. */
export function isSendable(envelope: Envelope): boolean {
  return Buffer.byteLength(JSON.stringify(envelope)) <= FOG.maxMessageBytes;
}
