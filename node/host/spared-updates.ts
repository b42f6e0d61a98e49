import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

/** What of a yamux stream tells its peer how much more it may send. */
interface Windowed {
  /** Bytes the peer may have under way at most, and of these how many it may still send. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/**
 * A yamux whose streams renew the peer's window when half of it is used, as other implementations do. This one would answer every
 * frame of data with an update: for calls in small frames that is as many writes, ciphers and wake-ups again as the calls need.
 */
export function sparedUpdates<Components>(
  make: (components: Components) => StreamMuxerFactory,
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const inner = make(components);
    return {
      protocol: inner.protocol,
      createStreamMuxer(connection) {
        const muxer = inner.createStreamMuxer(connection) as StreamMuxer & { onRemoteStream(stream: unknown): void };
        const open = muxer.createStream.bind(muxer);
        const opened = muxer.onRemoteStream.bind(muxer);
        muxer.createStream = async (options) => {
          const stream = await open(options);
          spare(stream as unknown as Windowed);
          return stream;
        };
        muxer.onRemoteStream = (stream) => {
          spare(stream as Windowed);
          opened(stream);
        };
        return muxer;
      },
    };
  };
}

function spare(stream: Windowed): void {
  const update = stream.sendWindowUpdate.bind(stream);
  // The first may be what tells the peer that the stream is open.
  let first = true;
  stream.sendWindowUpdate = () => {
    if (!first && stream.recvWindowCapacity * 2 > stream.recvWindow) return;
    first = false;
    update();
  };
}
