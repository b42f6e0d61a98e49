import type { ConnectionEncrypter, ConnectionProtector, MessageStream, StreamMuxerFactory } from '@libp2p/interface';
import { WireError } from '../../protocols/wire/index.ts';
import { eachStream } from './each-stream.ts';
import { type Framing, LengthPrefixes } from './length-prefixes.ts';

type FramingOf = (protocol: string) => Framing | undefined;
type Bytes = Uint8Array | Iterable<Uint8Array>;

/** What libp2p's streams have in common where bytes enter them. */
interface Entrance extends MessageStream {
  readonly readBuffer: Iterable<Uint8Array>;
  onData(bytes: Bytes): void;
}

/** Ends `stream` at the first length that is out of bounds, before anybody reads it. */
function bounded<Stream extends MessageStream>(stream: Stream, framingOf: FramingOf): Stream {
  const entrance = stream as unknown as Entrance;
  const lengths = new LengthPrefixes(framingOf);
  const take = entrance.onData.bind(entrance);
  const accepts = (bytes: Bytes): boolean => {
    for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) if (!lengths.accepts(part)) return false;
    if (lengths.over) entrance.onData = take;
    return true;
  };
  const refuse = (): void => entrance.abort(new WireError('WIRE_MALFORMED', 'a length that does not end'));
  entrance.onData = (bytes) => {
    if (accepts(bytes)) return take(bytes);
    entrance.onData = () => undefined;
    refuse();
  };
  if (!accepts(entrance.readBuffer)) refuse();
  return stream;
}

/** For a connection's first bytes, which choose how it is encrypted; libp2p hands them to whoever would protect it. */
export function boundedConnections(encrypters: readonly string[]): () => ConnectionProtector {
  const framingOf: FramingOf = (name) => (encrypters.includes(name) ? 'raw' : undefined);
  return () => ({ protect: async (connection) => bounded(connection, framingOf) });
}

/** For the first bytes of an encrypted connection, which choose the muxer. */
export function boundedEncrypter<Components>(
  make: (components: Components) => ConnectionEncrypter,
  muxers: readonly string[],
): (components: Components) => ConnectionEncrypter {
  const framingOf: FramingOf = (name) => (muxers.includes(name) ? 'raw' : undefined);
  return (components) => {
    const inner = make(components);
    const encrypter: ConnectionEncrypter = {
      protocol: inner.protocol,
      async secureInbound(connection, options) {
        const secured = await inner.secureInbound(connection, options);
        return secured.streamMuxer === undefined
          ? { ...secured, connection: bounded(secured.connection, framingOf) }
          : secured;
      },
      async secureOutbound(connection, options) {
        const secured = await inner.secureOutbound(connection, options);
        return secured.streamMuxer === undefined
          ? { ...secured, connection: bounded(secured.connection, framingOf) }
          : secured;
      },
    };
    return encrypter;
  };
}

/** For the streams of a connection, both those that the peer opens and those opened here. */
export function boundedMuxer<Components extends { readonly registrar: { getProtocols(): string[] } }>(
  make: (components: Components) => StreamMuxerFactory,
  raw: readonly string[],
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const framingOf: FramingOf = (name) => {
      if (raw.includes(name)) return 'raw';
      return components.registrar.getProtocols().includes(name) ? 'prefixed' : undefined;
    };
    return eachStream(make(components), (stream) => void bounded(stream, framingOf));
  };
}
