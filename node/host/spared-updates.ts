import type { StreamMuxerFactory } from '@libp2p/interface';
import { eachStream } from './each-stream.ts';

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
  return (components) => eachStream(make(components), (stream) => spare(stream as unknown as Windowed));
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
