export { argumentsHash } from './arguments-hash.ts';
export type {
  CallContext,
  Cancellable,
  Cancellation,
  CallEnd,
  Clock,
  Deadlines,
  DelegationVerdict,
  Expiring,
  Movable,
  OutgoingCall,
  RefusedCall,
  ServedCall,
  ServedReply,
  SessionPorts,
} from './ports.ts';
export { type CallEra, type CallOutcome, LIMITS, mcp, type RefuseReason } from './schema.ts';
export { openResourceNotice, RESOURCE_TOPIC, type ResourceNotice, resourceNotice } from './resource-notice.ts';
export { CHANGE_TOPIC, changeNotice, openChangeNotice } from './change-notice.ts';
export { PeerSession, type SessionOptions } from './session.ts';
