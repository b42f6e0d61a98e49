import { epochKey } from './owner-state.ts';
import type { At, OwnerTurn } from './owner-turn.ts';
import type { RefusalCode } from './reasons.ts';

/** What a node answered is on record, though nothing changed by it yet. */
export function record(turn: OwnerTurn, at: At, said: { node: string; because: string; detail: string }): void {
  const slot = turn.slot(at);
  if (slot === undefined) return;
  const { node: peer, because, detail } = said;
  const what = { of: 'slot', id: epochKey(at.deployment, at.slot), from: slot.state, to: slot.state, because } as const;
  turn.record({ ...what, ...(detail === '' ? {} : { detail }), peer, slot: turn.id(at) });
}

export function refused(turn: OwnerTurn, at: At, reason: { node: string; code: RefusalCode; detail: string }): void {
  addReason(turn, at, reason);
  record(turn, at, { ...reason, because: reason.code });
}

export function addReason(turn: OwnerTurn, at: At, reason: { node: string; code: RefusalCode; detail: string }): void {
  const slot = turn.slot(at);
  if (slot === undefined) return;
  const reasons = [...slot.reasons.filter(({ node }) => node !== reason.node), { ...reason, atMs: turn.nowMs }];
  turn.put(at, { reasons: reasons.slice(-64) });
}
