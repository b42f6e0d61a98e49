import { isObject, type RpcRequest } from '../../../src/mcp/index.ts';

/** A caller's own word for which slot of a deployment its call belongs to: any string; equal keys meet in one slot. */
export const KEY_META = 'village/fog-key';
/** Written by the calling node, never by an agent: the slot and the epoch of its holder as the shard map says. */
const SLOT_META = 'village/fog-slot';
const MAX_KEY_LENGTH = 512;

export interface SlotEpoch {
  readonly slot: number;
  readonly epoch: number;
}

/** undefined: the call has no key. `invalid`: it has something else than a string of 1 to 512 characters. */
export function keyOf(request: RpcRequest): string | 'invalid' | undefined {
  const key = metaOf(request)?.[KEY_META];
  if (key === undefined) return undefined;
  return typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH ? key : 'invalid';
}

/** The slot that the calling node chose; undefined: none. */
export function slotOf(request: RpcRequest): SlotEpoch | 'invalid' | undefined {
  const named = metaOf(request)?.[SLOT_META];
  if (named === undefined) return undefined;
  if (!isObject(named)) return 'invalid';
  const { slot, epoch } = named;
  return isCount(slot) && isCount(epoch) ? { slot, epoch } : 'invalid';
}

/** The same request, sent to this slot and epoch; undefined: to none, as it is handed to the shard itself. */
export function addressedTo(request: RpcRequest, place: SlotEpoch | undefined): RpcRequest {
  const meta = metaOf(request);
  if (place === undefined && (meta === undefined || !Object.hasOwn(meta, SLOT_META))) return request;
  const { [SLOT_META]: _, ...kept } = meta ?? {};
  const written = place === undefined ? kept : { ...kept, [SLOT_META]: { slot: place.slot, epoch: place.epoch } };
  return { ...request, params: { ...request.params, _meta: written } };
}

function metaOf(request: RpcRequest): Readonly<Record<string, unknown>> | undefined {
  const meta = request.params?.['_meta'];
  return isObject(meta) ? meta : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
