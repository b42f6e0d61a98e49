import { type AuditEntry, ENTRY_KEYS, entryKey, seqOfKey } from '../../src/audit/index.ts';
import { text } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';
import { entryIn } from './entry-in.ts';
import type { SeqRange } from './verify-audit.ts';

export interface ExportRange extends SeqRange {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The log as JSON lines (without line feeds): each the stored record, that is the entry's fields in their fixed order and `hash`,
 * byte for byte, so that the chain can be checked offline. What is damaged is handed out as it is, when it is text at all.
 */
export async function* exportAudit(
  store: Pick<Store, 'entries'>,
  range: ExportRange = {},
): AsyncGenerator<string, void, undefined> {
  const { from = 1, to, signal } = range;
  const keys = { gte: entryKey(from), lt: to === undefined ? ENTRY_KEYS.lt : entryKey(to + 1) };
  for await (const [, value] of store.entries(keys)) {
    signal?.throwIfAborted();
    yield lineOf(value);
  }
}

/** Needed of a running log: its store, and word of new entries on disk. */
export interface LiveLog {
  readonly store: Pick<Store, 'entries'>;
  nextFlush(): Promise<void>;
}

/** The last entries on disk (`last`, 10 by default), then each new one once it is on disk, until `signal` aborts (which ends it without an error). */
export async function* tailAudit(
  log: LiveLog,
  options: { readonly last?: number | undefined; readonly signal: AbortSignal },
): AsyncGenerator<AuditEntry, void, undefined> {
  const { last = 10, signal } = options;
  let next = Math.max(1, (await lastSeq(log.store)) - last + 1);
  while (!signal.aborted) {
    const more = log.nextFlush(); // asked for before reading: what is written meanwhile is not missed
    for await (const [, value] of log.store.entries({ gte: entryKey(next), lt: ENTRY_KEYS.lt })) {
      const entry = entryIn(value);
      if (entry === undefined) continue; // damaged: `verify` names it
      yield entry;
      if (signal.aborted) return;
      next = entry.seq + 1;
    }
    await either(more, signal);
  }
}

async function lastSeq(store: Pick<Store, 'entries'>): Promise<number> {
  for await (const [key] of store.entries({ ...ENTRY_KEYS, reverse: true, limit: 1 })) return seqOfKey(key) ?? 0;
  return 0;
}

/** A promise of its own for each wait: one for the whole life of the tail would gather a reaction with every flush. */
async function either(more: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  await Promise.race([more, aborted.promise]);
  signal.removeEventListener('abort', onAbort);
}

function lineOf(record: Uint8Array): string {
  try {
    return text(record);
  } catch {
    return Buffer.from(record).toString('latin1');
  }
}
