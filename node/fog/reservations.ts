import type { NodeState } from '../../src/fog/index.ts';
import type { ReservationView } from './desk.ts';
import type { Shards } from './shards.ts';

/** What is held and runs here, and what was over lately, newest last. */
export function reservationsOf(state: NodeState, shards: Pick<Shards, 'usage'>): readonly ReservationView[] {
  const rows = [...state.tombs.values(), ...state.rows.values()];
  return rows.map(({ reservationId, owner, agent, slot, state: now, booked, gpuIds, expiresMs, placement }) => ({
    ...{ reservationId, owner, agent, deployment: slot.deployment, slot: slot.slot, state: now, booked, gpuIds },
    expiresInMs: now === 'held' ? Math.max(0, expiresMs - state.nowMs) : undefined,
    placement:
      placement === undefined
        ? undefined
        : {
            placementId: placement.placementId,
            state: placement.state,
            run: placement.run,
            leaseLeftMs: Math.max(0, placement.leaseEndMs - state.nowMs),
            reason: placement.reason,
            ...shards.usage(placement.placementId),
          },
  }));
}
