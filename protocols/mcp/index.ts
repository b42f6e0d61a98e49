export { argumentsHash } from './arguments-hash.ts';
export type {
  CallContext,
  CallEnd,
  Clock,
  Deadlines,
  DelegationVerdict,
  Expiring,
  OutgoingCall,
  ServedCall,
  ServedReply,
  SessionPorts,
} from './ports.ts';
export { type CallEra, type CallOutcome, LIMITS, mcp, type RefuseReason } from './schema.ts';
export { PeerSession, type SessionOptions } from './session.ts';
