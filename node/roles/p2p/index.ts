export type { P2pParts } from './ports.ts';
export { p2pRole } from './role.ts';
