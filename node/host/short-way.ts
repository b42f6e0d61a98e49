import type { StreamMuxerFactory } from '@libp2p/interface';
import { eachStream } from './each-stream.ts';
import { type Conduit, isMuxed, type LinkParts, linkParts } from './link-parts.ts';
import { shortReads } from './short-reads.ts';
import { shortWrites } from './short-writes.ts';

/**
 * A yamux over Noise whose bytes take the short way between a stream and the socket. Each layer of libp2p appends what passes to a list, takes it
 * out again and tells of it by an event, also where nothing waits and one listens. All that could wait still stands in libp2p's own layers,
 * which are asked each time, so that a write or a read can take either way after any other.
 */
export function shortWay<Components>(
  make: (components: Components) => StreamMuxerFactory,
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const inner = make(components);
    const { protocol } = inner;
    return {
      protocol,
      createStreamMuxer(connection) {
        const muxer = inner.createStreamMuxer(connection);
        const parts = linkParts(connection, muxer);
        return parts === undefined ? muxer : shortened(parts, protocol).createStreamMuxer(connection);
      },
    };
  };
}

function shortened(parts: LinkParts, protocol: string): StreamMuxerFactory {
  shortReads(parts);
  unheard(parts.sealed);
  unheard(parts.raw);
  return eachStream({ protocol, createStreamMuxer: () => parts.muxer }, (stream) => {
    if (!isMuxed(stream)) return;
    shortWrites(stream, parts);
    unheard(stream);
  });
}

/** Makes no events that nobody listens to; after each write there would be one on every layer. */
function unheard(conduit: Conduit): void {
  const dispatch = conduit.safeDispatchEvent.bind(conduit);
  conduit.safeDispatchEvent = (type, detail) =>
    conduit.listenerCount(type as 'message') === 0 || dispatch(type, detail);
}
