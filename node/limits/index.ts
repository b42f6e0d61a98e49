export { openLimits } from './open-limits.ts';
export { PeerRates } from './peer-rates.ts';
