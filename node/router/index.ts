export { DeadlineTimer } from './deadline-timer.ts';
export { mayUse } from './lists.ts';
export type { AuditPort, RatePort, RouterParts } from './parts.ts';
export { Router } from './router.ts';
