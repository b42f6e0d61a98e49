/** Names that agents use for transports, and what this mesh calls them. Others do not exist here. */
const NAMES: Readonly<Record<string, string>> = {
  tcp: 'tcp',
  direct_tcp: 'tcp',
  libp2p: 'tcp',
  quic: 'quic',
  ws: 'websocket',
  websocket: 'websocket',
  memory: 'memory',
};

/** The transport in a multiaddr: `tcp`, `websocket`, `quic`, `memory` or `other`. */
export function transportOf(address: string): string {
  const parts = new Set(address.split('/'));
  if (parts.has('ws') || parts.has('wss')) return 'websocket';
  if (parts.has('quic-v1')) return 'quic';
  if (parts.has('tcp')) return 'tcp';
  return parts.has('memory') ? 'memory' : 'other';
}

/** Those of `preferences` that the transport in use does not meet. */
export function unmet(preferences: readonly string[], used: string | null): string[] {
  return preferences.filter((preference) => NAMES[preference.toLowerCase()] !== used || used === null);
}
