export { type SpreadParts, type SpreadVillage } from './ports.ts';
export { RevocationSpread } from './spread.ts';
