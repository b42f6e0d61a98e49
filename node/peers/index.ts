export { PeerLinks } from './peer-links.ts';
export type { LinkParts, LinkStatus } from './ports.ts';
