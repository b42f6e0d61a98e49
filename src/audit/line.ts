import { AUDIT_KINDS, AUDIT_OUTCOMES, type AuditEntry } from './entry.ts';
import { readReceipt } from './receipt.ts';

/**
 * The one spelling of an entry: JSON with every field, in the order of AuditEntry, without spaces; `receipt` and `content` are
 * there only where they say something. As JSON.stringify writes it, at less than half the cost.
 */
export function encodeEntry(entry: AuditEntry): string {
  const { seq, atMs, kind, callId } = entry;
  const { outcome, reason, argumentsHash, resultHash, durationMs, justification, count, receipt, content } = entry;
  let line = `{"seq":${seq},"atMs":${atMs},"kind":"${kind}","callId":${quoted(callId)},${whoAndWhat(entry)},"outcome":"${outcome}","reason":${quoted(reason)},"argumentsHash":${quoted(argumentsHash)},"resultHash":${quoted(resultHash)},"durationMs":${spelledMs(durationMs)},"justification":${quoted(justification)},"count":${count}`;
  if (receipt !== undefined) line += `,"receipt":${quoted(receipt)}`;
  if (content !== undefined) line += `,"content":${quoted(content)}`;
  return `${line}}`;
}

type Saying = 'agentId' | 'level' | 'tokenId' | 'method' | 'server' | 'target' | 'peer' | 'sourceIp';
interface Said extends Pick<AuditEntry, Saying> {
  readonly text: string;
}
/** As many agents, tools and peers as are at work at one time, mostly. */
const MAX_RECENT = 16;
// Copied out: an entry that its owner changes meanwhile must not be taken for what it was.
const recent: Said[] = [];
let oldest = 0;

/** Agents mostly do the same things over and over: what was spelled lately is not spelled again. */
function whoAndWhat(entry: AuditEntry): string {
  for (const said of recent) if (isSame(said, entry)) return said.text;
  const { agentId, level, tokenId, method, server, target, peer, sourceIp } = entry;
  const text = `"agentId":${quoted(agentId)},"level":${quoted(level)},"tokenId":${quoted(tokenId)},"method":${quoted(method)},"server":${quoted(server)},"target":${quoted(target)},"peer":${quoted(peer)},"sourceIp":${quoted(sourceIp)}`;
  recent[oldest] = { agentId, level, tokenId, method, server, target, peer, sourceIp, text };
  oldest = (oldest + 1) % MAX_RECENT;
  return text;
}

function isSame(one: Pick<AuditEntry, Saying>, other: Pick<AuditEntry, Saying>): boolean {
  return (
    one.tokenId === other.tokenId &&
    one.target === other.target &&
    one.peer === other.peer &&
    one.agentId === other.agentId &&
    one.server === other.server &&
    one.method === other.method &&
    one.level === other.level &&
    one.sourceIp === other.sourceIp
  );
}

// Unpaired surrogates are escaped too; whole pairs are few, and JSON.stringify leaves them as they are.
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

function quoted(text: string): string {
  if (text === '') return '""';
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

// Milliseconds to the microsecond, as nearly all are: spelled from two whole numbers, which is several times cheaper.
const FRACTIONS = Array.from({ length: 1000 }, (_, micros) => String(micros / 1000).slice(1));
const MAX_MICROS = 2 ** 31;

/** As `String` spells it. */
function spelledMs(ms: number): string {
  const micros = Math.round(ms * 1000);
  if (!(micros >= 0 && micros < MAX_MICROS) || micros / 1000 !== ms) return String(ms);
  const whole = Math.floor(micros / 1000);
  return `${whole}${FRACTIONS[micros - whole * 1000]}`;
}

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === 'string';
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);

type Optional = 'receipt' | 'content';
const FIELDS: { readonly [Field in Exclude<keyof AuditEntry, Optional>]: Check } = {
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
const NAMES = Object.keys(FIELDS) as (keyof typeof FIELDS)[];
const OPTIONAL: { readonly [Field in Optional]: Check } = {
  receipt: (value) => typeof value === 'string' && readReceipt(value) !== undefined,
  content: text,
};

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
    if (name === 'receipt' || name === 'content') {
      if (!OPTIONAL[name](members[name])) return malformed(`field ${name} has a value it cannot have`);
    } else if (!Object.hasOwn(FIELDS, name)) return malformed(`field ${JSON.stringify(name).slice(0, 80)} is unknown`);
  }
  const entry = value as AuditEntry;
  if (encodeEntry(entry) !== line) return malformed('it is not spelled in the fixed field order');
  return { kind: 'entry', entry };
}

function malformed(because: string): DecodedEntry {
  return { kind: 'malformed', because };
}
