import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface';

/**
 * Lets one address have `most` connections whose handshake is not done. libp2p counts all of them together, and a stranger who
 * opens many and says nothing would leave no room for anybody else.
 */
export function pendingLimit(
  most: number,
): Required<Pick<ConnectionGater, 'denyInboundConnection' | 'denyInboundEncryptedConnection'>> {
  const pending = new Map<string, Set<MultiaddrConnection>>();
  const release = (connection: MultiaddrConnection): void => {
    const address = addressOf(connection);
    const others = pending.get(address);
    if (others?.delete(connection) === true && others.size === 0) pending.delete(address);
  };
  return {
    denyInboundConnection(connection) {
      const address = addressOf(connection);
      const others = pending.get(address) ?? new Set();
      if (others.size >= most) return true;
      pending.set(address, others.add(connection));
      connection.addEventListener('close', () => release(connection));
      return false;
    },
    denyInboundEncryptedConnection(_peer, connection) {
      release(connection);
      return false;
    },
  };
}

/** The IP address, without the port, which is another for each connection. */
function addressOf({ remoteAddr }: MultiaddrConnection): string {
  return remoteAddr.getComponents()[0]?.value ?? '';
}
