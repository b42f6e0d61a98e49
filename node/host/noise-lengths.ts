import type { ConnectionEncrypter, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface';

/** What of a Noise connection cuts what arrives into messages. */
interface Decoding {
  readonly decoder?: { lengthDecoder: (bytes: Bytes) => number };
}
interface Bytes {
  readonly length: number;
  get(at: number): number;
}

// The decoder asks once more after each message, and takes a RangeError for "not yet": one for all, since what an error costs is its stack.
const NOT_YET = new RangeError('the length is not there yet');

function lengthOf(bytes: Bytes): number {
  if (bytes.length < 2) throw NOT_YET;
  return (bytes.get(0) << 8) | bytes.get(1);
}

function eased<Secured extends SecuredConnection>(secured: Secured): Secured {
  const { decoder } = secured.connection as unknown as Decoding;
  if (decoder !== undefined) decoder.lengthDecoder = lengthOf;
  return secured;
}

/** Noise that ends a read without making an error, which it does with every read. */
export function easedLengths<Components>(
  make: (components: Components) => ConnectionEncrypter,
): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const inner = make(components);
    return {
      protocol: inner.protocol,
      secureInbound: async (stream, options?: SecureConnectionOptions) =>
        eased(await inner.secureInbound(stream, options)),
      secureOutbound: async (stream, options?: SecureConnectionOptions) =>
        eased(await inner.secureOutbound(stream, options)),
    };
  };
}
