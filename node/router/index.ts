export { BLOCKED_KEY, EVERYTHING } from './emergency.ts';
export { DeadlineTimer } from './deadline-timer.ts';
export { mayUse } from './lists.ts';
export type { AuditPort, RatePort, RouterParts } from './parts.ts';
export { Router } from './router.ts';
export type { VotePort } from './vote-port.ts';
export { SearchMode } from './search-mode.ts';
