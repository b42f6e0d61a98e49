import { z } from 'zod';
import { LEVELS } from '../../src/permissions/index.ts';

const Level = z.enum(LEVELS);
const Nothing = z.strictObject({});
const AgentName = z.string().min(1).max(128);
const ToolName = z.string().min(1).max(128);
/** The id of a proposal, or enough of its beginning. */
const ProposalId = z.string().regex(/^[0-9a-f]{6,64}$/, 'a proposal id, or its first 6 digits or more');
/** A place in the audit log: a sequence number, or a time as an ISO 8601 instant. */
const Place = z.union([z.int().nonnegative(), z.iso.datetime({ offset: true })]);
const Range = z.strictObject({ from: Place.optional(), to: Place.optional() });
/** A signed head of an audit log and a witness's word for it: compact JWSs. */
const Anchored = z.strictObject({ head: z.string().max(1_024), anchor: z.string().max(2_048) });

/** A deployment, or one slot of it: `ID/SLOT`. */
const ShardId = z.string().min(1).max(140);

/** What each verb takes, on the admin address and on the files alike. The server checks every input against these. */
export const VERBS = {
  status: Nothing,
  peers: Nothing,
  servers: Nothing,
  'servers.drain': z.strictObject({ alias: z.string().min(1).max(64), undrain: z.boolean() }),
  'tools.list': z.strictObject({ agent: AgentName.optional() }),
  'tools.describe': z.strictObject({ name: ToolName, agent: AgentName.optional() }),
  // A template's URI is longer than a tool's name.
  'tools.approve': z.strictObject({ name: z.string().min(1).max(4_200) }),
  'tools.call': z.strictObject({
    name: ToolName,
    arguments: z.record(z.string(), z.unknown()),
    agent: AgentName.optional(),
    timeout_ms: z.int().positive().max(3_600_000),
  }),
  token: z.strictObject({
    agent: AgentName.optional(),
    ttl_ms: z.int().positive().optional(),
    level: Level.optional(),
  }),
  'agents.list': Nothing,
  'agents.add': z.strictObject({ name: AgentName, level: Level }),
  'agents.key.new': z.strictObject({ name: AgentName }),
  'agents.key.export': z.strictObject({ name: AgentName }),
  'agents.key.import': z.strictObject({ key: z.record(z.string(), z.unknown()) }),
  'revoke.token': z.union([
    z.strictObject({ token_id: z.string().regex(/^[0-9a-f]{64}$/) }),
    z.strictObject({ token: z.string().min(1).max(16_384) }),
  ]),
  'revoke.agent': z.strictObject({ name: AgentName }),
  invite: z.strictObject({
    ttl_ms: z.int().positive(),
    uses: z.int().positive().max(10_000),
    level: Level,
    may_invite: z.boolean(),
  }),
  join: z.strictObject({ invite: z.string().min(1).max(65_536), leave: z.boolean() }),
  'audit.verify': Range.extend({ anchors: z.array(Anchored).max(4_096).optional() }),
  'audit.anchors': z.strictObject({ of: z.string().min(1).max(128).optional() }),
  'audit.accept': z.strictObject({
    node: z.string().min(1).max(128),
    /** The last entry that the node still has as it was. */
    after: z.int().nonnegative(),
    reason: z.string().min(1).max(1_024),
  }),
  'audit.restored': z.strictObject({ acceptance: z.string().min(1).max(2_048), reason: z.string().min(1).max(1_024) }),
  'gov.list': z.strictObject({ open: z.boolean() }),
  'gov.show': z.strictObject({ id: ProposalId }),
  'gov.policy': z.strictObject({ key: z.string().min(1).max(128).optional(), include_history: z.boolean() }),
  'gov.certificate': z.strictObject({ id: ProposalId }),
  'gov.rules': Nothing,
  'gov.history': Nothing,
  'gov.resume': z.strictObject({ voter: AgentName }),
  'gov.hand_in': z.strictObject({ statements: z.array(z.string().min(1).max(65_536)).min(1).max(64) }),
  'fog.here': Nothing,
  'fog.drain': z.strictObject({ deadline_ms: z.int().positive().max(86_400_000).optional(), undrain: z.boolean() }),
  'fog.logs': z.strictObject({ shard: ShardId }),
  'fog.publish': z.strictObject({
    /** Absolute, on this machine. */
    path: z.string().min(1).max(4_096),
    fs: z.enum(['own', 'read']),
    net: z.boolean(),
    env: z.array(z.string().max(64)).max(32),
    cpu_milli: z.int().min(0).max(1_000_000),
    mem_mib: z.int().min(0).max(1_048_576),
    ttl_ms: z.int().positive(),
  }),
  'fog.gc': Nothing,
} as const satisfies Readonly<Record<string, z.ZodType>>;

/** Verbs that answer many objects, one after the other. */
export const STREAMS = {
  'audit.tail': Nothing,
  'audit.export': Range,
  'fog.follow': z.strictObject({ shard: ShardId }),
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type VerbName = keyof typeof VERBS;
export type StreamName = keyof typeof STREAMS;
export type VerbInput<Verb extends VerbName> = z.infer<(typeof VERBS)[Verb]>;
export type StreamInput<Stream extends StreamName> = z.infer<(typeof STREAMS)[Stream]>;
