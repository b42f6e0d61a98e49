import { z } from 'zod';
import { DeploymentId, MAX_MESSAGE_BYTES, ToNode, ToOwner } from '../../src/fog/index.ts';

/** What limits the protocol, stated beside its name. */
export const FOG = {
  name: 'fog/1',
  maxMessageBytes: MAX_MESSAGE_BYTES,
  /** A message that the peer does not take in that time is given up, and its stream with it. */
  timeoutMs: 5_000,
  /** A stream on which no message was complete for so long is ended; its opener opens another when it has something to say. */
  idleMs: 120_000,
  maxInboundStreams: 2,
} as const;

export const AD_TYPE = 'village-fog-ad+jws';
export const MAP_TYPE = 'village-fog-map+jws';
export const WORD_TYPE = 'village-fog-word+jws';
export const MAX_AD_BYTES = 32 * 1024;
export const MAX_MAP_BYTES = 60 * 1024;
export const MAX_ANNOUNCEMENT_BYTES = MAX_MESSAGE_BYTES;

const Jws = (maxBytes: number) =>
  z
    .string()
    .max(maxBytes)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);

export const Ad = Jws(MAX_AD_BYTES);
export const Map = Jws(MAX_MAP_BYTES);

const Said = z.union([ToNode, ToOwner]);
export type Said = z.infer<typeof Said>;

/** Kinds that bind who sends them, and are kept as evidence: they come signed and in no other way. */
export const SIGNED_KINDS: ReadonlySet<Said['kind']> = new Set(['offer', 'accept']);

/** The payload of a signed message: it counts in one village, from one node, at one node. */
export const SignedSaid = z.strictObject({
  village: z.string().regex(/^[0-9a-f]{64}$/),
  from: z.string().min(1).max(128),
  to: z.string().min(1).max(128),
  said: Said,
});

const AskId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
const Line = z.int().nonnegative();
const MAX_LOG_LINES = 16_384;

/** The lines of a placement from number `after` on, the first being 0. */
const LogsAsked = z.strictObject({ id: AskId, placement: z.string().regex(/^[A-Za-z0-9._-]{1,96}$/), after: Line });
export type LogsAsked = z.infer<typeof LogsAsked>;
/** `next`: what to ask for next. `dropped`: lines before these that are not kept any more. */
const LogsAnswer = z.union([
  z.strictObject({ id: AskId, lines: z.array(z.string()).max(MAX_LOG_LINES), next: Line, dropped: Line }),
  z.strictObject({ id: AskId, refused: z.literal(true) }),
]);
export type LogsAnswer = z.infer<typeof LogsAnswer>;

/** One message of a stream. */
export const Envelope = z.union([
  z.strictObject({ v: z.literal(1), said: Said }),
  z.strictObject({ v: z.literal(1), signed: Jws(MAX_MESSAGE_BYTES) }),
  z.strictObject({ v: z.literal(1), ad: Ad }),
  z.strictObject({ v: z.literal(1), map: Map }),
  z.strictObject({ v: z.literal(1), ask: z.strictObject({ map: DeploymentId }) }),
  z.strictObject({ v: z.literal(1), askLogs: LogsAsked }),
  z.strictObject({ v: z.literal(1), logs: LogsAnswer }),
]);
export type Envelope = z.infer<typeof Envelope>;

/** Gossiped: one node's advertisement, or one owner's shard map. */
export const Announcement = z.union([
  z.strictObject({ v: z.literal(1), ad: Ad }),
  z.strictObject({ v: z.literal(1), map: Map }),
]);
export type Announcement = z.infer<typeof Announcement>;
