import type { StreamMuxerFactory } from '@libp2p/interface';
import { WireError } from '../../protocols/wire/index.ts';

const HEADER_BYTES = 12;
const DATA = 0;
/** As far as yamux lets a stream's window grow. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/** What of yamux's muxer (@libp2p/yamux 8.0.3) holds a frame that is not whole. */
interface Framed {
  readonly decoder: {
    readonly buffer: { readonly byteLength: number; subarray(from: number, to: number): Uint8Array };
  };
  readonly streams: readonly { readonly streamId: number; readonly recvWindowCapacity: number }[];
  onData(bytes: unknown): void;
}

/**
 * A yamux that ends a connection at the head of a frame that is longer than its stream's window. On its own it looks at the window when the
 * frame is whole, and until then keeps what comes: of one frame up to 4 GiB, from whoever can open a connection.
 */
export function boundedFrames<Components>(
  make: (components: Components) => StreamMuxerFactory,
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const inner = make(components);
    return {
      protocol: inner.protocol,
      createStreamMuxer(connection) {
        const muxer = inner.createStreamMuxer(connection);
        const framed = muxer as unknown as Framed;
        const take = framed.onData.bind(framed);
        framed.onData = (bytes) => {
          take(bytes);
          // Who calls ends the connection, as with what yamux throws itself.
          if (isTooLong(framed)) throw new WireError('WIRE_MALFORMED', 'a frame longer than its window');
        };
        return muxer;
      },
    };
  };
}

function isTooLong({ decoder: { buffer }, streams }: Framed): boolean {
  if (buffer.byteLength < HEADER_BYTES) return false;
  const head = Buffer.from(buffer.subarray(0, HEADER_BYTES));
  if (head[1] !== DATA) return false;
  const streamId = head.readUInt32BE(4);
  const window = streams.find((stream) => stream.streamId === streamId)?.recvWindowCapacity ?? MAX_WINDOW_BYTES;
  return head.readUInt32BE(8) > window;
}
