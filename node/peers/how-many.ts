/** Connections at once, those that this node opened among them; libp2p closes the least worth keeping above it. */
export const MAX_CONNECTIONS = 300;

/** Of so many peers it is remembered what they did: all that can be connected, and those that just went. */
export const MOST_PEERS = 512;
