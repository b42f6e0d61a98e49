import { z } from 'zod';
import { openJws, publicKeyOfPeerId } from '../../src/kernel/index.ts';
import { MAX_REQUEST_BYTES } from './schema.ts';

export const REQUEST_TYP = 'village-gov-request+jws';

/** A call that needs a vote, as the node of its agent asks for it. */
export const CallRequest = z.strictObject({
  village: z.string().regex(/^[0-9a-f]{64}$/),
  /** The node that signs, and on which the call will run. */
  node: z.string().max(64),
  agent: z.string().min(1).max(64),
  tool: z.string().min(1).max(128),
  arguments: z.record(z.string(), z.json()),
  type: z.enum(['minor_change', 'major_change', 'critical_change']),
  nonce: z.string().min(1).max(64),
  /** Milliseconds since 1970. */
  iat: z.int().nonnegative(),
});
export type CallRequest = z.infer<typeof CallRequest>;

/** The request in `jws`, if `node` signed it for this village; undefined otherwise. Never throws. */
export function openCallRequest(
  jws: string,
  { node, villageId }: { readonly node: string; readonly villageId: string },
): CallRequest | undefined {
  const key = publicKeyOfPeerId(node);
  if (key === undefined) return undefined;
  const opened = openJws(jws, { typ: REQUEST_TYP, key, maxBytes: MAX_REQUEST_BYTES });
  const read = opened.kind === 'opened' ? CallRequest.safeParse(opened.payload).data : undefined;
  return read?.node === node && read.village === villageId ? read : undefined;
}
