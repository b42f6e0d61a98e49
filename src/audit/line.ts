import { AUDIT_KINDS, AUDIT_OUTCOMES, type AuditEntry } from './entry.ts';

/** The one spelling of an entry: JSON with every field, in the order of AuditEntry, without spaces. */
export function encodeEntry(entry: AuditEntry): string {
  // JSON.stringify keeps the order of this literal. A canonical encoder (JCS) costs five times as much.
  return JSON.stringify({
    seq: entry.seq,
    atMs: entry.atMs,
    kind: entry.kind,
    callId: entry.callId,
    agentId: entry.agentId,
    level: entry.level,
    tokenId: entry.tokenId,
    method: entry.method,
    server: entry.server,
    target: entry.target,
    peer: entry.peer,
    sourceIp: entry.sourceIp,
    outcome: entry.outcome,
    reason: entry.reason,
    argumentsHash: entry.argumentsHash,
    resultHash: entry.resultHash,
    durationMs: entry.durationMs,
    justification: entry.justification,
    count: entry.count,
  } satisfies AuditEntry);
}

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === 'string';
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);

const FIELDS: { readonly [Field in keyof Required<AuditEntry>]: Check } = {
  seq: (value) => whole(value) && (value as number) > 0,
  atMs: whole,
  kind: oneOf(AUDIT_KINDS),
  callId: text,
  agentId: text,
  level: text,
  tokenId: text,
  method: text,
  server: text,
  target: text,
  peer: text,
  sourceIp: text,
  outcome: oneOf(AUDIT_OUTCOMES),
  reason: text,
  argumentsHash: text,
  resultHash: text,
  durationMs: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  justification: text,
  count: whole,
};
const NAMES = Object.keys(FIELDS) as (keyof AuditEntry)[];

export type DecodedEntry =
  | { readonly kind: 'entry'; readonly entry: AuditEntry }
  | { readonly kind: 'malformed'; readonly because: string };

/** Reads a line back, refusing every spelling but the one `encodeEntry` gives; `because` names the field at fault. */
export function decodeEntry(line: string): DecodedEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('it is not a JSON object');
  const members = value as Record<string, unknown>;
  for (const name of NAMES) {
    if (!Object.hasOwn(members, name)) return malformed(`field ${name} is missing`);
    if (!FIELDS[name](members[name])) return malformed(`field ${name} has a value it cannot have`);
  }
  for (const name of Object.keys(members)) {
    if (!Object.hasOwn(FIELDS, name)) return malformed(`field ${JSON.stringify(name).slice(0, 80)} is unknown`);
  }
  const entry = value as AuditEntry;
  if (encodeEntry(entry) !== line) return malformed('it is not spelled in the fixed field order');
  return { kind: 'entry', entry };
}

function malformed(because: string): DecodedEntry {
  return { kind: 'malformed', because };
}
