import { z } from 'zod';

/** What limits the protocol, stated beside its name. */
export const USAGE = {
  name: 'usage/1',
  maxMessageBytes: 24 * 1024,
  /** Told while calls are admitted, and while any count is above 0. */
  tellEveryMs: 150,
  tellIdleEveryMs: 5_000,
  /** Of one publisher; the others are dropped and not passed on. */
  heard: { perMinute: 600, burst: 60 },
} as const;

export const MAX_COUNTS = 512;
const MAX_COUNT = 1_000_000;
/** A node's order of words is its clock; one that runs ahead may not silence it for long. */
export const MAX_SEQ = Number.MAX_SAFE_INTEGER;

/** Keys are the first 16 hex digits of SHA-256 of agent, newline, tool. */
export const Report = z.strictObject({
  v: z.literal(1),
  seq: z.int().min(0).max(MAX_SEQ),
  counts: z.record(z.string().regex(/^[0-9a-f]{16}$/), z.int().min(1).max(MAX_COUNT)),
});
export type Report = z.infer<typeof Report>;
