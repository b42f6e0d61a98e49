import type { AuditEntry, AuditRecord } from './entry.ts';

/** Longest text of each field, in UTF-16 code units. What an agent or peer wrote must not decide how big the log grows. */
const MAX_TARGET = 1024;
const MAX_JUSTIFICATION = 2048;
const MAX_OTHER = 256;
/** Longer than what redactedContent makes: a cut one would be no JSON. */
const MAX_CONTENT = 16_384;

/** The entry that `record` becomes at `place`, with its texts cut to their limits (a cut one ends in `…`) and its numbers made such that a line can carry them. */
export function bounded(record: AuditRecord, place: Pick<AuditEntry, 'seq' | 'atMs'>): AuditEntry {
  return {
    seq: place.seq,
    atMs: place.atMs,
    kind: record.kind,
    callId: cut(record.callId, MAX_OTHER),
    agentId: cut(record.agentId, MAX_OTHER),
    level: cut(record.level, MAX_OTHER),
    tokenId: cut(record.tokenId, MAX_OTHER),
    method: cut(record.method, MAX_OTHER),
    server: cut(record.server, MAX_OTHER),
    target: cut(record.target, MAX_TARGET),
    peer: cut(record.peer, MAX_OTHER),
    sourceIp: cut(record.sourceIp, MAX_OTHER),
    outcome: record.outcome,
    reason: cut(record.reason, MAX_OTHER),
    argumentsHash: cut(record.argumentsHash, MAX_OTHER),
    resultHash: cut(record.resultHash, MAX_OTHER),
    durationMs: Number.isFinite(record.durationMs) ? Math.max(0, Math.round(record.durationMs * 1000) / 1000) : 0,
    justification: cut(record.justification, MAX_JUSTIFICATION),
    count: Number.isSafeInteger(record.count) && record.count >= 0 ? record.count : 0,
    receipt: record.receipt,
    content: record.content === undefined ? undefined : cut(record.content, MAX_CONTENT),
  };
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
