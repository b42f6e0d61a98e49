export { suspicionsIn } from './arguments.ts';
export type { Finding, ThreatFamily } from './finding.ts';
export { type Threat, type ThreatReason } from './score.ts';
export { type CallLook, ThreatBook } from './threat-book.ts';
