export type { AuditPort, RatePort, RouterParts } from './parts.ts';
export { Router } from './router.ts';
