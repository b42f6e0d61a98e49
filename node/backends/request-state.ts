import { createHmac, timingSafeEqual } from 'node:crypto';
import { exactCanonicalJson, sha256Hex } from '../../src/kernel/index.ts';
import { isObject, type RpcRequest } from '../../src/mcp/index.ts';

const PREFIX = 'village-held.';
const MAX_LENGTH = 1_024;

/** Where a held call waits. In clear within its requestState, so that whoever routes the retry finds the node. */
export interface HeldAt {
  readonly nodeId: string;
  readonly server: string;
  /** 32 hex digits. */
  readonly held: string;
  /** How often it has asked for input: each state is good for one retry. */
  readonly round: number;
}

/** For whom a state is good: the agent that made the call, for the same call. */
export interface BoundTo {
  readonly agentId: string;
  /** fingerprintOf() its request. */
  readonly request: string;
}

export function mintState(at: HeldAt, to: BoundTo, key: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify([at.nodeId, at.server, at.held, at.round])).toString('base64url');
  return `${PREFIX}${payload}.${seal(payload, to, key).toString('base64url')}`;
}

/** Where `state` says its call waits, unproven; undefined when it is none of ours. */
export function readState(state: unknown): HeldAt | undefined {
  if (typeof state !== 'string' || !state.startsWith(PREFIX) || state.length > MAX_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payloadOf(state), 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [nodeId, server, held, round] = value as unknown[];
  if (typeof nodeId !== 'string' || typeof server !== 'string' || typeof held !== 'string') return undefined;
  return Number.isSafeInteger(round) ? { nodeId, server, held, round: round as number } : undefined;
}

/** Whether `state` was minted with `key` for exactly this agent and request. */
export function isSealed(state: string, to: BoundTo, key: Uint8Array): boolean {
  const payload = payloadOf(state);
  const given = Buffer.from(state.slice(PREFIX.length + payload.length + 1), 'base64url');
  const wanted = seal(payload, to, key);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** What must be the same in a retry: the method and what it is about. */
export function fingerprintOf({ method, params = {} }: RpcRequest): string {
  const { name = null, uri = null, arguments: args = {} } = params;
  const about = [method, name, uri, isObject(args) ? args : {}];
  try {
    return sha256Hex(exactCanonicalJson(about));
  } catch {
    return sha256Hex(JSON.stringify(about)); // it has no canonical form, and is to be repeated as it was
  }
}

function payloadOf(state: string): string {
  const end = state.indexOf('.', PREFIX.length);
  return end < 0 ? '' : state.slice(PREFIX.length, end);
}

function seal(payload: string, to: BoundTo, key: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([payload, to.agentId, to.request]))
    .digest();
}
