import type { Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

/** Lets `touch` change each stream of a connection before anybody has it: those that the peer opens and those opened here. */
export function eachStream(inner: StreamMuxerFactory, touch: (stream: Stream) => void): StreamMuxerFactory {
  return {
    protocol: inner.protocol,
    createStreamMuxer(connection) {
      const muxer = inner.createStreamMuxer(connection) as StreamMuxer & { onRemoteStream(stream: Stream): void };
      const open = muxer.createStream.bind(muxer);
      const opened = muxer.onRemoteStream.bind(muxer);
      muxer.createStream = async (options) => {
        const stream = await open(options);
        touch(stream);
        return stream;
      };
      muxer.onRemoteStream = (stream) => {
        touch(stream);
        opened(stream);
      };
      return muxer;
    },
  };
}
