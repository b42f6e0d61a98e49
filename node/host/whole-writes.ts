import type { ConnectionProtector } from '@libp2p/interface';

/**
 * Sends what comes in parts as one piece. A message of Noise comes as its length and its text, and the transport would make a write,
 * and the other side a read, of each.
 */
export function wholeWrites<Components>(
  make: (components: Components) => ConnectionProtector,
): (components: Components) => ConnectionProtector {
  return (components) => {
    const inner = make(components);
    return {
      async protect(connection, options) {
        const protectedOne = await inner.protect(connection, options);
        const send = protectedOne.send.bind(protectedOne);
        protectedOne.send = (data) => send(data.subarray());
        return protectedOne;
      },
    };
  };
}
