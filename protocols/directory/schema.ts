import { z } from 'zod';
import { LEVELS } from '../../src/permissions/index.ts';

/** What limits the protocol, stated beside its name. */
export const DIRECTORY = {
  name: 'directory/2',
  /** Of any message. A request and a descriptor are bounded more tightly below. */
  maxMessageBytes: 4 * 1024 * 1024,
  timeoutMs: 5_000,
  maxInboundStreams: 4,
} as const;

export const MAX_REQUEST_BYTES = 32 * 1024;
export const MAX_DESCRIPTOR_BYTES = 256 * 1024;
export const MAX_SERVERS = 256;
export const MAX_AWAY = 64;
const MAX_ASKED = 256;
export const MAX_TOOLS = 4_096;
/** Room in a reply for what stands around the definitions. */
export const REPLY_ROOM_BYTES = 64 * 1024;

export const DESCRIPTOR_TYPE = 'village-descriptor+jws';
export const HINT_TYPE = 'village-directory-hint+jws';
export const MAX_HINT_BYTES = 2_048;
/** How long a descriptor may be valid from its issue on. */
export const MAX_VALIDITY_MS = 300_000;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Instant = z.int().nonnegative();
const Alias = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/);

export const Request = z.discriminatedUnion('ask', [
  z.strictObject({ v: z.literal(1), ask: z.literal('describe') }),
  z.strictObject({ v: z.literal(1), ask: z.literal('define'), hashes: z.array(Hash).min(1).max(MAX_ASKED) }),
]);
export type Request = z.infer<typeof Request>;

export const Description = z.strictObject({ v: z.literal(1), descriptor: z.string().max(MAX_DESCRIPTOR_BYTES) });

const Named = z.looseObject({ name: z.string().min(1).max(256) });
const Tool = z.looseObject({
  name: z.string().min(1).max(256),
  description: z.string().optional(),
  inputSchema: z.record(z.string(), z.unknown()),
});
const Resource = z.looseObject({ uri: z.string().min(1).max(4_096), name: z.string() });
const Template = z.looseObject({ uriTemplate: z.string().min(1).max(4_096), name: z.string() });

/** What a server offers, as its node publishes it. Items are passed on unread but for the fields named here. */
export const Definition = z.strictObject({
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }),
  instructions: z.string().optional(),
  capabilities: z.record(z.string(), z.unknown()),
  tools: z.array(Tool).max(MAX_TOOLS),
  resources: z.array(Resource).max(MAX_TOOLS),
  resourceTemplates: z.array(Template).max(MAX_TOOLS),
  prompts: z.array(Named).max(MAX_TOOLS),
  access: z.strictObject({ level: z.enum(LEVELS), tools: z.record(z.string(), z.enum(LEVELS)) }).optional(),
  promises: z
    .strictObject({
      cacheTtlMs: z.int().nonnegative(),
      toolCacheTtlMs: z.record(z.string(), z.int().nonnegative()),
      idempotent: z.array(z.string().min(1).max(256)).max(MAX_TOOLS),
      perAgent: z.boolean(),
    })
    .optional(),
});

/** Definitions stay as they came until their hash is checked; then they are read as `Definition`. */
export const Definitions = z.strictObject({
  v: z.literal(1),
  definitions: z.array(z.strictObject({ hash: Hash, definition: z.unknown() })).max(MAX_ASKED),
});

/** The payload of a descriptor: what NodeDescriptor of src/routing is on the wire. */
export const Descriptor = z.strictObject({
  village: Hash,
  node: z.string().min(1).max(128),
  seq: Instant,
  issuedAtMs: Instant,
  expiresAtMs: Instant,
  withdrawn: z.boolean().optional(),
  servers: z
    .array(
      z.strictObject({
        alias: Alias,
        kind: z.enum(['role', 'third_party']),
        definitionHash: Hash,
        firstSeenMs: Instant,
        toolHashes: z.record(z.string(), Hash),
        draining: z.boolean().optional(),
      }),
    )
    .max(MAX_SERVERS),
  away: z
    .array(
      z.strictObject({ alias: Alias, kind: z.enum(['role', 'third_party']), level: z.enum(LEVELS), sinceMs: Instant }),
    )
    .max(MAX_AWAY)
    .optional(),
});

/** The payload of a hint: gossiped and sent as a notice when a node's descriptor changed or was withdrawn. */
export const Hint = z.strictObject({
  village: Hash,
  node: z.string().min(1).max(128),
  seq: Instant,
  withdrawn: z.boolean(),
});
export type Hint = z.infer<typeof Hint>;
