export { Artifacts, type ArtifactsParts, type ArtifactVerdict, type Asked } from './artifacts.ts';
export { modulePeers, type ModulePeers } from './module-peers.ts';
export type { Wanted } from './modules.ts';
