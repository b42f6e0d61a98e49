import { z } from 'zod';
import { canonicalJson, fromBase64Url, sha256Hex } from '../kernel/index.ts';
import { LEVELS } from '../permissions/index.ts';
import { AGENT_NAME } from './names.ts';

const MAX_AGENTS = 4096;
const MAX_POLICY_KEYS = 4096;

const Ed25519Key = z
  .string()
  .refine(
    (value) => fromBase64Url(value)?.length === 32,
    'a raw Ed25519 public key: 32 bytes, base64url without padding',
  );
const AgentName = z.string().regex(AGENT_NAME);
const PolicyKey = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(\.[A-Za-z0-9_*@-]+)+$/)
  .max(128);
const Approvals = z.int().min(1).max(9);
const PerType = z.strictObject({
  minor_change: z.int().nonnegative(),
  major_change: z.int().nonnegative(),
  critical_change: z.int().nonnegative(),
  emergency_action: z.int().nonnegative(),
});

/** What a policy key may hold: plain JSON, small. */
export type PolicyValue =
  | null
  | boolean
  | number
  | string
  | readonly PolicyValue[]
  | { readonly [name: string]: PolicyValue };
const PolicyValueShape: z.ZodType<PolicyValue> = z.json();

/** A village at its birth. Its hash is the village's id, so nothing in here ever changes: policy decisions are laid over it. */
export const Constitution = z.strictObject({
  format: z.literal(1),
  name: z.string().min(1).max(64),
  /** Milliseconds since 1970. */
  created_at: z.int().nonnegative(),
  founder: z.strictObject({ node_id: z.string().min(1).max(128), issuer_key: Ed25519Key }),
  /** Who votes: keys, never "whoever holds the level". */
  voters: z.record(AgentName, Ed25519Key).refine((voters) => Object.keys(voters).length <= 9, 'at most 9 voters'),
  agents: z
    .record(AgentName, z.strictObject({ key: Ed25519Key, level: z.enum(LEVELS), role: z.string().min(1).max(128) }))
    .refine((agents) => Object.keys(agents).length <= MAX_AGENTS, `at most ${MAX_AGENTS} agents`),
  thresholds: z.strictObject({
    minor_change: Approvals,
    major_change: Approvals,
    critical_change: Approvals,
    emergency_action: Approvals,
  }),
  /** Least proposal type that may decide a policy key: pattern (`knowledge.*`) → type; the longest that fits counts. */
  change_types: z.record(
    z
      .string()
      .regex(/^([a-z][a-z0-9_]*(\.[A-Za-z0-9_@-]+)*(\.\*)?|\*)$/)
      .max(128),
    z.enum(['minor_change', 'major_change', 'critical_change']),
  ),
  /** What differs from the usual rules of voting: see src/governance/rules.ts. Durations in milliseconds. */
  governance: z
    .strictObject({
      overseer: AgentName,
      period_ms: PerType,
      cool_off_ms: PerType,
      emergency_keys: z.array(z.string().max(128)).max(64),
    })
    .partial()
    .optional(),
  /** Genesis value of every policy key, the permission matrix included. */
  policy: z
    .record(PolicyKey, PolicyValueShape)
    .refine((policy) => Object.keys(policy).length <= MAX_POLICY_KEYS, `at most ${MAX_POLICY_KEYS} policy keys`),
});
export type Constitution = z.infer<typeof Constitution>;

/** SHA-256 of the constitution's canonical JSON, 64 hex digits: the village's id. */
export function villageIdOf(constitution: Constitution): string {
  return sha256Hex(canonicalJson(constitution));
}

/** First 8 hex digits of SHA-256(village id): what protocol ids and topics show an outsider. */
export function villageTag(villageId: string): string {
  return sha256Hex(villageId).slice(0, 8);
}
