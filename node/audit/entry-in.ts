import { type AuditEntry, decodeEntry, openRecord } from '../../src/audit/index.ts';

/** The entry of a stored record; undefined: it is damaged, which verifying names. */
export function entryIn(record: Uint8Array): AuditEntry | undefined {
  const opened = openRecord(record);
  const decoded = opened === undefined ? undefined : decodeEntry(opened.line);
  return decoded?.kind === 'entry' ? decoded.entry : undefined;
}
