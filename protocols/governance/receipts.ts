import { z } from 'zod';
import { openJws, publicKeyOfPeerId, readJws } from '../../src/kernel/index.ts';
import { MAX_RECEIPT_BYTES } from './schema.ts';

export const RECEIPT_TYP = 'village-receipt+jws';
export const MAX_RECEIPT_DECISIONS = 256;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

/** What a node says of itself: these decisions are in force here. */
export const Receipt = z.strictObject({
  village: Hash,
  node: z.string().max(64),
  /** Rises with every receipt of the node; the highest counts. */
  seq: z.int().nonnegative(),
  /** Milliseconds since 1970. */
  iat: z.int().nonnegative(),
  /** Over everything in force. */
  root: Hash,
  decisions: z.array(Hash).max(MAX_RECEIPT_DECISIONS),
});
export type Receipt = z.infer<typeof Receipt>;

/** A receipt that the node it names signed for this village; undefined: it is none. Never throws. */
export function openReceipt(jws: string, villageId: string): Receipt | undefined {
  const read = readJws(jws, MAX_RECEIPT_BYTES);
  const node = typeof read === 'string' ? undefined : read.payload['node'];
  const key = typeof node === 'string' ? publicKeyOfPeerId(node) : undefined;
  if (key === undefined) return undefined;
  const opened = openJws(jws, { typ: RECEIPT_TYP, key, maxBytes: MAX_RECEIPT_BYTES });
  if (opened.kind === 'refused') return undefined;
  const receipt = Receipt.safeParse(opened.payload);
  return receipt.success && receipt.data.village === villageId ? receipt.data : undefined;
}
