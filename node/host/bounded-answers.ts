import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface';
import { WireError } from '../../protocols/wire/index.ts';

const DATA = 0;
/** A thousand streams, each opened, closed and told of its window many times over. */
const MAX_WAITING = 50_000;

/** What of yamux's muxer (@libp2p/yamux 8.0.3) sends every frame that libp2p's own way takes. */
interface Sending {
  sendFrame(header: { readonly type: number }, data?: unknown): boolean;
}

/**
 * A yamux that ends a connection whose peer brings about answers (to pings, to streams too many) and does not read them. Data waits
 * for the peer's window; these frames wait for nothing, and on its own yamux keeps all of them.
 */
export function boundedAnswers<Components>(
  make: (components: Components) => StreamMuxerFactory,
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const inner = make(components);
    return {
      protocol: inner.protocol,
      createStreamMuxer(connection) {
        const muxer = inner.createStreamMuxer(connection);
        bound(muxer as unknown as Sending, connection);
        return muxer;
      },
    };
  };
}

function bound(muxer: Sending, connection: MessageStream): void {
  const send = muxer.sendFrame.bind(muxer);
  let waiting = 0;
  muxer.sendFrame = (header, data) => {
    if (!connection.writableNeedsDrain) waiting = 0;
    else if (header.type !== DATA) waiting += 1;
    if (waiting > MAX_WAITING) connection.abort(new WireError('WIRE_MALFORMED', 'answers that nobody reads'));
    return send(header, data);
  };
}
