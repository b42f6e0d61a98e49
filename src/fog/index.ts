export { adOf } from './ad-of.ts';
export { FogAd, type Gpu, type Power, type ThermalLevel } from './ad.ts';
export { type Enforcement, WATCHDOG_MARGIN } from './enforcement.ts';
export { acceptAd, type AdRefusal, isExpired, type KnownAd, nextAdMs } from './ad-cache.ts';
export { judgeNodes, type Judged, roomOfAd } from './candidates.ts';
export { type Ledger, ledgerOf } from './ledger.ts';
export { type Limits, LIMITS, MAX_ARTIFACT_BYTES, MAX_LOG_BYTES, MAX_MESSAGE_BYTES } from './limits.ts';
export {
  type Message,
  ToNode,
  ToOwner,
} from './messages.ts';
export { nextOfNode, type NodeBoot, startNode, stepNode } from './node-machine.ts';
export { nextOfOwner, type OwnerBoot, startOwner, stepOwner } from './owner-machine.ts';
export { objectToDeploy } from './owner-deploy.ts';
export type {
  Bid,
  Deployment,
  Holder,
  OwnerConfig,
  OwnerEffect,
  OwnerEntry,
  OwnerEvent,
  OwnerState,
  OwnerStep,
  Past,
  Peer,
  Reason,
  Slot,
  VoteState,
  Wanted,
} from './owner-state.ts';
export { roomOf } from './node-admit.ts';
export type {
  Checks,
  JournaledPlacement,
  NodeConfig,
  NodeEffect,
  NodeEvent,
  NodeState,
  NodeStep,
  Placement,
  PowerVerdict,
  Row as NodeRow,
} from './node-state.ts';
export {
  type EndReason,
  type Exit,
  isRetryable,
  REFUSAL_CODES,
  type RefusalCode,
} from './reasons.ts';
export { decidePower, POWER_LIMITS, POWERED, type PowerLimits, type PowerState } from './power-policy.ts';
export { type HashedSlot, hashSlots, slotOfKey } from './rendezvous.ts';
export {
  add,
  type Dimension,
  fits,
  NOTHING,
  Resources,
  subtract,
  total,
} from './resources.ts';
export { type Need, type Objection, objectTo, type Room } from './room.ts';
export { ShardMap } from './shard-map.ts';
export {
  ArtifactRef,
  DeploymentId,
  type Mode,
  type Priority,
  ShardSpec,
  specDigest,
} from './spec.ts';
export {
  compareFences,
  type Fence,
  type PlacementState,
  type ReservationState,
  slotKey,
  type SlotId,
  type SlotState,
} from './states.ts';
export type { FogRule, FogSwitches } from './switches.ts';
export { NO_TRUST, observe, type Trust, trustOf } from './trust.ts';
export type { Transition } from './transition.ts';
export { Approval, needsVote, objectToApproval, type Totals, VOTE_POLICY, type VotePolicy } from './vote.ts';
export { scoreOf } from './score.ts';
export { AGENT_PRESETS, type AgentPreset, presetFor, type Strategy } from './presets.ts';
export {
  judgeModule,
  MAX_MANIFEST_BYTES,
  MODULE_TYP,
  ModuleManifest,
  type ModuleRefusal,
  type ModuleTrust,
  type ModuleVerdict,
} from './module.ts';
