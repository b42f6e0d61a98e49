import type { Message } from './messages.ts';
import type { NodeState, Placement, Row } from './node-state.ts';

/** What a row tells its owner. Nothing here changes anything. */

const attemptOf = (row: Row) => ({
  reservationId: row.reservationId,
  deployment: row.slot.deployment,
  slot: row.slot.slot,
  term: row.fence.term,
  epoch: row.fence.epoch,
});

export function denied(
  reservationId: string,
  { of, code, detail, retryAfterMs }: Pick<Message<'denied'>, 'of' | 'code' | 'detail' | 'retryAfterMs'>,
): Message<'denied'> {
  return {
    kind: 'denied',
    of,
    reservationId,
    code,
    detail: detail.slice(0, 256),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

export function statusOf(row: Row, placement: Placement): Message<'status'> {
  return {
    kind: 'status',
    ...attemptOf(row),
    placementId: placement.placementId,
    state: placement.state,
    rev: placement.rev,
    run: placement.run,
    ...(placement.reason === undefined ? {} : { reason: placement.reason }),
    ...(placement.detail === undefined ? {} : { detail: placement.detail.slice(0, 256) }),
  };
}

export function releasedOf(row: Row): Message<'released'> {
  const { placement } = row;
  return {
    kind: 'released',
    ...attemptOf(row),
    ...(placement === undefined ? {} : { placementId: placement.placementId }),
    rev: placement?.rev ?? 0,
    reason: placement?.reason ?? 'released',
    detail: (placement?.detail ?? '').slice(0, 256),
  };
}

export function noticeOf(
  row: Row,
  placement: Placement,
  { because, deadlineMs }: Pick<Message<'notice'>, 'because' | 'deadlineMs'>,
): Message<'notice'> {
  return { kind: 'notice', ...attemptOf(row), placementId: placement.placementId, because, deadlineMs };
}

export function renewOf(row: Row, placement: Placement, nonce: string): Message<'renew'> {
  return {
    kind: 'renew',
    ...attemptOf(row),
    placementId: placement.placementId,
    nonce,
    state: placement.state,
    rev: placement.rev,
  };
}

export function rowOf(state: Pick<NodeState, 'bootSeq'>, row: Row | undefined, reservationId: string): Message<'row'> {
  const placement = row?.placement;
  return {
    kind: 'row',
    reservationId,
    bootSeq: state.bootSeq,
    reservation: row?.state ?? 'unknown',
    ...(placement === undefined
      ? {}
      : {
          placement: {
            placementId: placement.placementId,
            state: placement.state,
            rev: placement.rev,
            ...(placement.reason === undefined ? {} : { reason: placement.reason }),
          },
        }),
  };
}
