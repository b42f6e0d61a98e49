import { z } from 'zod';
import { MAX_ARTIFACT_BYTES, MAX_MANIFEST_BYTES } from '../../src/fog/index.ts';

/** What limits the protocol, stated beside its name. */
export const FOG_BLOB = {
  name: 'fog-blob/1',
  /** Of any message: answers and pieces of a module. */
  maxMessageBytes: 64 * 1024,
  timeoutMs: 60_000,
  maxInboundStreams: 4,
} as const;

export const MAX_ASK_BYTES = 256;
/** For a manifest, both ways; a module may take `timeoutMs`. */
export const MANIFEST_TIMEOUT_MS = 10_000;

export const Ask = z.strictObject({
  v: z.literal(1),
  kind: z.enum(['manifest', 'module']),
  /** SHA-256 of the module. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

export const Found = z.strictObject({
  v: z.literal(1),
  kind: z.literal('found'),
  /** Compact JWS of the publisher. */
  manifest: z
    .string()
    .max(MAX_MANIFEST_BYTES)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  /** Of the whole module. */
  bytes: z.int().min(1).max(MAX_ARTIFACT_BYTES),
});
export const Refused = z.strictObject({
  v: z.literal(1),
  kind: z.literal('refused'),
  because: z.enum(['unknown', 'busy']),
});
export const Answer = z.discriminatedUnion('kind', [Found, Refused]);

/** Spec fog-blob/R2: nothing holds back a sender but this: what is read too slowly would end the stream. */
export const Next = z.strictObject({ v: z.literal(1), kind: z.literal('next') });
export const PIECE_BYTES = FOG_BLOB.maxMessageBytes;
export const PIECES_A_TURN = 4;
