export { MAX_CONNECTIONS, MOST_PEERS } from './how-many.ts';
export { PeerLinks } from './peer-links.ts';
export type { LinkParts, LinkStatus } from './ports.ts';
