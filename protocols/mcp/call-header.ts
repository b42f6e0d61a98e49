import {
  abilitiesFromBits,
  bitsOfAbilities,
  type ClientAbilities,
  LOG_LEVELS,
  type LogLevel,
} from '../../src/mcp/index.ts';
import type { Receipt } from '../../src/audit/index.ts';
import { WireError } from '../wire/index.ts';
import { type CallEra, type CallOutcome, ERAS, LIMITS, OUTCOMES } from './schema.ts';

/** What stands before the request in a CALL. */
export interface CallHeader {
  readonly era: CallEra;
  /** Which of the delegations presented on this stream it is made under. */
  readonly delegation: number;
  readonly remainingMs: number;
  /** 16 random bytes. */
  readonly callId: Uint8Array;
  /** 64 hex digits; see arguments-hash.ts. */
  readonly argumentsHash: string;
  /** The virtual session; 0 for none, which is all that revision 1 uses. */
  readonly session: number;
  /** What the caller's client can be asked. */
  readonly client: ClientAbilities;
  /** The least grave log message the caller wants to hear. */
  readonly logLevel: LogLevel | undefined;
  readonly server: string;
  readonly target: string;
  readonly traceparent: string | undefined;
}

const FIXED_BYTES = 1 + 2 + 4 + 16 + 32 + 4 + 2 + 1;
export const MAX_CALL_HEADER_BYTES =
  FIXED_BYTES + 1 + LIMITS.maxServerBytes + 2 + LIMITS.maxTargetBytes + 1 + LIMITS.maxTraceparentBytes;

/** Whether the names fit; else the call cannot be written at all. */
export function fitsCallHeader(header: Pick<CallHeader, 'server' | 'target' | 'traceparent'>): boolean {
  return (
    Buffer.byteLength(header.server) <= LIMITS.maxServerBytes &&
    Buffer.byteLength(header.target) <= LIMITS.maxTargetBytes &&
    (header.traceparent === undefined || Buffer.byteLength(header.traceparent) <= LIMITS.maxTraceparentBytes)
  );
}

/** Writes `header` at `at` and answers where the request begins. `into` has MAX_CALL_HEADER_BYTES of room. */
export function writeCallHeader(into: Buffer, at: number, header: CallHeader): number {
  into[at] = header.era === 'stateless' ? 1 : 0;
  into.writeUInt16BE(header.delegation, at + 1);
  into.writeUInt32BE(header.remainingMs, at + 3);
  into.set(header.callId, at + 7);
  into.write(header.argumentsHash, at + 23, 'hex');
  into.writeUInt32BE(header.session, at + 55);
  into.writeUInt16BE(bitsOfAbilities(header.client), at + 59);
  into[at + 61] = header.logLevel === undefined ? 0 : LOG_LEVELS.indexOf(header.logLevel) + 1;
  let end = at + FIXED_BYTES;
  const server = into.write(header.server, end + 1);
  into[end] = server;
  end += 1 + server;
  const target = into.write(header.target, end + 2);
  into.writeUInt16BE(target, end);
  end += 2 + target;
  const trace = header.traceparent === undefined ? 0 : into.write(header.traceparent, end + 1, 'latin1');
  into[end] = trace;
  return end + 1 + trace;
}

/** Reads a header from `bytes[start … end)`; `bodyAt` is where the request begins. Throws WireError WIRE_MALFORMED. */
export function readCallHeader(bytes: Buffer, start: number, end: number): { header: CallHeader; bodyAt: number } {
  const era = ERAS[bytes[start] ?? -1];
  if (end - start < FIXED_BYTES + 4 || era === undefined) throw malformed('a call without a header');
  const level = bytes[start + 61] as number;
  if (level > LOG_LEVELS.length) throw malformed('an unknown log level');
  const serverAt = start + FIXED_BYTES + 1;
  const serverEnd = serverAt + (bytes[serverAt - 1] as number);
  if (serverEnd - serverAt > LIMITS.maxServerBytes || serverEnd + 2 > end)
    throw malformed('a server name out of bounds');
  const targetAt = serverEnd + 2;
  const targetEnd = targetAt + bytes.readUInt16BE(serverEnd);
  if (targetEnd - targetAt > LIMITS.maxTargetBytes || targetEnd + 1 > end) throw malformed('a target out of bounds');
  const traceAt = targetEnd + 1;
  const bodyAt = traceAt + (bytes[targetEnd] as number);
  if (bodyAt - traceAt > LIMITS.maxTraceparentBytes || bodyAt > end) throw malformed('a traceparent out of bounds');
  const header: CallHeader = {
    era,
    delegation: bytes.readUInt16BE(start + 1),
    remainingMs: bytes.readUInt32BE(start + 3),
    callId: Buffer.from(bytes.subarray(start + 7, start + 23)),
    argumentsHash: bytes.toString('hex', start + 23, start + 55),
    session: bytes.readUInt32BE(start + 55),
    client: abilitiesFromBits(bytes.readUInt16BE(start + 59)),
    logLevel: LOG_LEVELS[level - 1],
    server: bytes.toString('utf8', serverAt, serverEnd),
    target: bytes.toString('utf8', targetAt, targetEnd),
    traceparent: bodyAt === traceAt ? undefined : bytes.toString('latin1', traceAt, bodyAt),
  };
  return { header, bodyAt };
}

/** What stands before the response in a RESULT. */
export interface ResultHeader {
  readonly outcome: CallOutcome;
  readonly notStarted: boolean;
  /** An error's name or string code; empty where the outcome is ok. */
  readonly reason: string;
  /** Where the node that served the call has put it on record. */
  readonly receipt?: Receipt | undefined;
}

const NOT_STARTED = 0x80;
const WITH_RECEIPT = 0x40;
/** u48 number of the entry, SHA-256. */
const RECEIPT_BYTES = 6 + 32;
export const MAX_RESULT_HEADER_BYTES = 2 + LIMITS.maxReasonBytes + RECEIPT_BYTES;

export function writeResultHeader(into: Buffer, at: number, header: ResultHeader): number {
  const { outcome, notStarted, receipt } = header;
  into[at] = OUTCOMES.indexOf(outcome) | (notStarted ? NOT_STARTED : 0) | (receipt === undefined ? 0 : WITH_RECEIPT);
  const reason = into.write(header.reason, at + 2, LIMITS.maxReasonBytes, 'latin1');
  into[at + 1] = reason;
  const end = at + 2 + reason;
  if (receipt === undefined) return end;
  into.writeUIntBE(receipt.seq, end, 6);
  into.write(receipt.hash, end + 6, 'hex');
  return end + RECEIPT_BYTES;
}

/** Throws WireError WIRE_MALFORMED. */
export function readResultHeader(bytes: Buffer, start: number, end: number): { header: ResultHeader; bodyAt: number } {
  const flags = bytes[start] ?? 0;
  const outcome = OUTCOMES[flags & ~(NOT_STARTED | WITH_RECEIPT)];
  if (end - start < 2 || outcome === undefined) throw malformed('a result without a header');
  const reasonEnd = start + 2 + (bytes[start + 1] as number);
  if (reasonEnd - start - 2 > LIMITS.maxReasonBytes || reasonEnd > end) throw malformed('a reason out of bounds');
  const reason = bytes.toString('latin1', start + 2, reasonEnd);
  const withReceipt = (flags & WITH_RECEIPT) !== 0;
  const bodyAt = withReceipt ? reasonEnd + RECEIPT_BYTES : reasonEnd;
  if (bodyAt > end) throw malformed('a receipt out of bounds');
  const receipt = withReceipt ? readReceipt(bytes, reasonEnd) : undefined;
  return { header: { outcome, notStarted: (flags & NOT_STARTED) !== 0, reason, receipt }, bodyAt };
}

function readReceipt(bytes: Buffer, at: number): Receipt {
  const seq = bytes.readUIntBE(at, 6);
  if (seq === 0) throw malformed('a receipt for no entry');
  return { seq, hash: bytes.toString('hex', at + 6, at + RECEIPT_BYTES) };
}

function malformed(what: string): WireError {
  return new WireError('WIRE_MALFORMED', what);
}
