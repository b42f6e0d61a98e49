import type { z } from 'zod';
import { openJws, publicKeyOfPeerId, readJws } from '../../src/kernel/index.ts';
import type { NodeDescriptor } from '../../src/routing/index.ts';
import {
  DESCRIPTOR_TYPE,
  Descriptor,
  HINT_TYPE,
  Hint,
  MAX_DESCRIPTOR_BYTES,
  MAX_HINT_BYTES,
  MAX_VALIDITY_MS,
} from './schema.ts';

/** The descriptor in `token`, if the node it came from signed it for this village; undefined otherwise. Never throws. */
export function openDescriptor(
  token: string,
  expected: { readonly node: string; readonly village: string },
): NodeDescriptor | undefined {
  const payload = open(token, {
    typ: DESCRIPTOR_TYPE,
    node: expected.node,
    maxBytes: MAX_DESCRIPTOR_BYTES,
    shape: Descriptor,
  });
  if (payload === undefined || payload.node !== expected.node || payload.village !== expected.village) return undefined;
  const validMs = payload.expiresAtMs - payload.issuedAtMs;
  return validMs > 0 && validMs <= MAX_VALIDITY_MS ? payload : undefined;
}

/** The hint in `token`, if the node that it names signed it for this village; undefined otherwise. Never throws. */
export function openHint(token: string, village: string): Hint | undefined {
  const read = readJws(token, MAX_HINT_BYTES);
  const node = typeof read === 'string' ? undefined : read.payload['node'];
  if (typeof node !== 'string') return undefined;
  const hint = open(token, { typ: HINT_TYPE, node, maxBytes: MAX_HINT_BYTES, shape: Hint });
  return hint?.village === village ? hint : undefined;
}

function open<Shape extends z.ZodType>(
  token: string,
  options: { readonly typ: string; readonly node: string; readonly maxBytes: number; readonly shape: Shape },
): z.infer<Shape> | undefined {
  const key = publicKeyOfPeerId(options.node);
  if (key === undefined) return undefined;
  const opened = openJws(token, { typ: options.typ, key, maxBytes: options.maxBytes });
  if (opened.kind === 'refused' || opened.header.kid !== undefined) return undefined;
  const parsed = options.shape.safeParse(opened.payload);
  return parsed.success ? parsed.data : undefined;
}
