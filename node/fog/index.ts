export { APPROVAL_TOOL, approvalIn } from './approvals.ts';
export { Authorities } from './authorities.ts';
export { Fog, type FogParts } from './fog.ts';
export type { LogChunk } from './remote-logs.ts';
export type {
  DeploymentView,
  DeployOptions,
  DeployRequest,
  Explanation,
  FogAnswer,
  FogNode,
  FogOffice,
  FogRefusal,
  LedgerView,
  NodeFilter,
  NodeRefusal,
  NodesFound,
  Plan,
  ReservationView,
  ShardStatus,
  ShardView,
  StopAnswer,
} from './desk.ts';
