import { utf8 } from '../../../src/kernel/index.ts';
import { errorText, type RpcId } from '../../../src/mcp/index.ts';
import type { BackendReply } from '../../backends/backend.ts';

/** Why a shard is not asked. All mean that nothing began: the caller may look at the map again and come back. */
export type SlotRefusal = 'STALE_EPOCH' | 'WRONG_SLOT' | 'UNAVAILABLE';

const SAID: Readonly<Record<SlotRefusal, string>> = {
  STALE_EPOCH: 'the slot has another holder',
  WRONG_SLOT: 'the slot does not run on this node',
  UNAVAILABLE: 'the slot has no holder at the moment',
};

export function slotRefused(
  id: RpcId,
  because: SlotRefusal,
  { retryAfterMs }: { retryAfterMs?: number } = {},
): BackendReply {
  const problem = { name: 'NO_HEALTHY_SERVER', message: SAID[because] } as const;
  const body = utf8(errorText(id, problem, { dataCode: because, retryable: true, retryAfterMs }));
  return { body, outcome: 'failed', reason: because, notStarted: true };
}
