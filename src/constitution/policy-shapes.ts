import { z } from 'zod';
import { canonicalJson, fromBase64Url, utf8 } from '../kernel/index.ts';
import { LEVELS } from '../permissions/index.ts';

/** What a policy key may hold, and the same in words. */
export interface Shape {
  readonly says: string;
  readonly schema: z.ZodType;
}

const MAX_LIST = 4_096;
const MAX_CUSTOM_BYTES = 4_096;

export const flag: Shape = { says: 'true or false', schema: z.boolean() };
export const level: Shape = { says: `a governance level: ${LEVELS.join(', ')}`, schema: z.enum(LEVELS) };
export const names = textList('a list of agents', 128);
export const nodeIds = textList('a list of node ids', 128);
export const servers = textList('a list of servers, or *', 128);
export const digests: Shape = {
  says: 'a list of SHA-256 digests in hex',
  schema: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(MAX_LIST),
};
export const rawKey: Shape = {
  says: 'a raw Ed25519 public key: 32 bytes, base64url without padding',
  schema: z.string().refine((value) => fromBase64Url(value)?.length === 32),
};
export const rights: Shape = {
  says: '{host, invite: true or false, issue: a governance level}, each left out where nothing is taken away',
  schema: z.strictObject({ host: z.boolean(), invite: z.boolean(), issue: z.enum(LEVELS) }).partial(),
};
export const fogLimit: Shape = {
  says: '{cpu_cores, memory_gb}, whole numbers',
  schema: z.strictObject({ cpu_cores: count(1_000_000), memory_gb: count(1_000_000) }),
};
/** What operators keep for programs of their own. */
export const anything: Shape = {
  says: `plain JSON of at most ${MAX_CUSTOM_BYTES} bytes`,
  schema: z.json().refine((value) => utf8(canonicalJson(value)).length <= MAX_CUSTOM_BYTES),
};

export function whole(least: number, most: number, what: string): Shape {
  return { says: `${what}, ${least} to ${most}`, schema: z.int().min(least).max(most) };
}

export function shortText(most: number, what: string): Shape {
  return { says: `${what} of 1 to ${most} characters`, schema: z.string().min(1).max(most) };
}

export function oneOf(...values: readonly [string, ...string[]]): Shape {
  return { says: values.join(' or '), schema: z.enum(values) };
}

export function orNull(shape: Shape, meaning: string): Shape {
  return { says: `${shape.says}, or null: ${meaning}`, schema: shape.schema.nullable() };
}

function textList(says: string, longest: number): Shape {
  return { says, schema: z.array(z.string().min(1).max(longest)).max(MAX_LIST) };
}

function count(most: number): z.ZodType {
  return z.int().min(0).max(most);
}
