import { isExpired, type KnownAd } from './ad-cache.ts';
import type { FogAd } from './ad.ts';
import type { Deployment, OwnerState, Slot } from './owner-state.ts';
import { POWER_LIMITS } from './power-policy.ts';
import { presetFor } from './presets.ts';
import { type Objection, objectTo, type Room } from './room.ts';
import type { Candidate } from './score.ts';
import { NO_TRUST, trustOf } from './trust.ts';

const UNKNOWN_RTT_MS = 50;

/** What an advertisement says of its node, as the one filter reads it. */
export function roomOfAd(ad: FogAd, trust: number): Room {
  return {
    capacity: ad.cap,
    free: ad.free,
    shards: ad.shards,
    maxShards: ad.maxShards,
    runtimes: ad.runtimes,
    enforcement: ad.enforcement,
    labels: ad.labels,
    draining: ad.draining,
    lowPower: isLow(ad),
    policy: ad.policy,
    trust,
  };
}

function isLow({ power, thermal }: FogAd): boolean {
  if (thermal === 'hot' || thermal === 'critical') return true;
  return power.source === 'battery' && !power.charging && (power.percent ?? 100) < POWER_LIMITS.holdBelow;
}

export interface Judged {
  readonly node: string;
  readonly known: KnownAd;
  readonly objection: Objection | undefined;
  readonly candidate: Candidate;
}

/** Every node that is heard of, with what stands against it for this slot. Advertisements are hints: the node decides. */
export function judgeNodes(state: OwnerState, deployment: Deployment, slot: Slot | undefined): readonly Judged[] {
  const siblings = new Map<string, number>();
  for (const other of state.slots.get(deployment.deployment)?.values() ?? []) {
    const node = other.holder?.node ?? (other.bid?.reservationId === undefined ? undefined : other.bid.node);
    if (other.slot !== slot?.slot && node !== undefined) siblings.set(node, (siblings.get(node) ?? 0) + 1);
  }
  const judged = [...state.ads.values()]
    .filter((known) => !isExpired(known, state.nowMs))
    .map((known) => judge(state, { deployment, slot, known, siblings: siblings.get(known.ad.node) ?? 0 }));
  return withAffinity(elsewhere(judged, { owner: state.config.node, deployment }), deployment);
}

function judge(
  state: OwnerState,
  of: { deployment: Deployment; slot: Slot | undefined; known: KnownAd; siblings: number },
): Judged {
  const { deployment, slot, known, siblings } = of;
  const { ad } = known;
  const self = ad.node === state.config.node;
  const peer = state.peers.get(ad.node);
  const trust = self ? 1000 : trustOf(peer?.trust ?? NO_TRUST, state.nowMs);
  const candidate: Candidate = {
    node: ad.node,
    capacity: ad.cap,
    free: ad.free,
    rttMs: self ? 0 : (peer?.rttMs ?? UNKNOWN_RTT_MS),
    trust,
    warm: false,
    power: ad.power,
    psi: ad.psi,
    siblings,
    penalised: (slot?.avoid.get(ad.node) ?? 0) > state.nowMs,
    preempts: false,
  };
  return { node: ad.node, known, candidate, objection: objectToNode(deployment, { slot, known, trust }) };
}

function objectToNode(
  deployment: Deployment,
  { slot, known, trust }: { slot: Slot | undefined; known: KnownAd; trust: number },
): Objection | undefined {
  const { ad } = known;
  if (deployment.target !== undefined && deployment.target !== ad.node && !deployment.allowFallback)
    return { code: 'NO_CANDIDATE', detail: 'not the node that was asked for' };
  if (known.copied && deployment.spec.mode === 'exclusive')
    return { code: 'REFUSED_POLICY', detail: 'two machines have its key' };
  if (slot?.holder?.node === ad.node && slot.holder.leaving !== undefined)
    return { code: 'DRAINING', detail: 'it is leaving there' };
  return objectTo(deployment.spec, roomOfAd(ad, trust));
}

/** What its kind wants on other nodes is its owner's only while no other could run it. */
function elsewhere(
  judged: readonly Judged[],
  { owner, deployment: { target, spec } }: { owner: string; deployment: Deployment },
): readonly Judged[] {
  if (target === owner || presetFor(spec.agentType).strategy !== 'fog_only') return judged;
  const others = judged.some(({ node, objection }) => node !== owner && objection === undefined);
  return judged.map((one) =>
    others && one.node === owner && one.objection === undefined
      ? { ...one, objection: { code: 'REFUSED_POLICY', detail: 'its kind runs on other nodes' } }
      : one,
  );
}

/** `hard`: distinct nodes, when there are as many that could as there are slots. */
function withAffinity(judged: readonly Judged[], { spec, slots }: Deployment): readonly Judged[] {
  if (spec.antiAffinity === 'none')
    return judged.map((one) => ({ ...one, candidate: { ...one.candidate, siblings: 0 } }));
  const able = judged.filter(({ objection }) => objection === undefined).length;
  if (spec.antiAffinity === 'soft' || able < slots) return judged;
  return judged.map((one) =>
    one.objection === undefined && one.candidate.siblings > 0
      ? { ...one, objection: { code: 'REFUSED_POLICY', detail: 'a slot of this deployment is there' } }
      : one,
  );
}
