export { type OwnAnchor, storedAnchors } from './own-anchors.ts';
export type { WitnessedLog, WitnessParts, WitnessSettings } from './ports.ts';
export { WitnessBook } from './witness-book.ts';
export { type Contradicted, Witnesses, type WitnessStatus } from './witnesses.ts';
