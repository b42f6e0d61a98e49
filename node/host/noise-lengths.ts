import type { ConnectionEncrypter, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface';

/** What of a Noise connection cuts what arrives into messages. */
interface Decoding {
  readonly decoder?: { lengthDecoder: (bytes: Bytes) => number };
}
interface Bytes {
  readonly length: number;
  get(at: number): number;
}

/** The longest message there can be: more than is there where not even a length is. */
const NOT_YET = 0xffff;

// The decoder asks once more after each message, and is told of a message that has still to come: its own way to say so is an error,
// caught at once, which costs its stack and what the compiler had made of the loop.
function lengthOf(bytes: Bytes): number {
  return bytes.length < 2 ? NOT_YET : (bytes.get(0) << 8) | bytes.get(1);
}

function eased<Secured extends SecuredConnection>(secured: Secured): Secured {
  const { decoder } = secured.connection as unknown as Decoding;
  if (decoder !== undefined) decoder.lengthDecoder = lengthOf;
  return secured;
}

/** Noise that ends a read without an error, where its own way is one with every read. */
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
