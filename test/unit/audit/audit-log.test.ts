import { describe, expect, test } from 'vitest';
import { entryKey, FLOOD_LIMITS, headKey, NEWEST_HEAD, openRecord, verifyHead } from '../../../src/audit/index.ts';
import {
  AuditError,
  type AuditLimits,
  AuditLog,
  auditRange,
  exportAudit,
  type LogStore,
  tailAudit,
  verifyAudit,
  verifyExport,
} from '../../../node/audit/index.ts';
import type { Store, StoreChange } from '../../../node/storage/index.ts';
import type { Reporter } from '../../../node/telemetry/events.ts';
import { headSigner, NODE, recordOf, VILLAGE } from '../../support/audit.ts';
import { MemoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const signer = headSigner();
const owner = { villageId: VILLAGE, nodeId: NODE, issuerKey: signer.issuerKey };
const silent: Reporter = { report: () => undefined };

function open(store: LogStore, limits: Partial<AuditLimits> = {}, reporter = silent, now = Date.now) {
  return AuditLog.open({ store, villageId: VILLAGE, nodeId: NODE, sign: signer.sign, reporter, limits, now });
}
async function exported(store: Pick<Store, 'entries'>, range = {}): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  for await (const line of exportAudit(store, range)) lines.push(JSON.parse(line) as Record<string, unknown>);
  return lines;
}

/** The entry that the newest signed head is about. */
async function newestHead(store: MemoryLog): Promise<number | undefined> {
  const jws = await store.get(NEWEST_HEAD);
  return jws === undefined ? undefined : verifyHead(Buffer.from(jws).toString(), owner)?.seq;
}

/** A disk that can be told to refuse, or to hold its answers back. */
class MoodyStore extends MemoryLog {
  refusing = false;
  readonly batches: number[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  hold(): void {
    this.#held = Promise.withResolvers();
  }
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }
  override async batch(changes: readonly StoreChange[]): Promise<void> {
    this.batches.push(changes.length);
    await this.#held?.promise;
    if (this.refusing) throw new Error('no space left on device');
    await super.batch(changes);
  }
}

describe('the audit log', () => {
  test('starts, records and stops in one chain that verifies', async () => {
    const store = new MemoryLog();
    const log = await open(store);
    log.record(recordOf({ target: 'one' }));
    await log.recordDurably(recordOf({ target: 'two' }));
    await log.stop();
    expect((await exported(store)).map(({ seq, kind, target }) => [seq, kind, target])).toEqual([
      [1, 'start', ''],
      [2, 'call', 'one'],
      [3, 'call', 'two'],
      [4, 'stop', ''],
    ]);
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true, checked: 4, to: 4, signedTo: 4 });
  });

  test('has an entry on disk when recordDurably resolves', async () => {
    const store = new MemoryLog();
    const log = await open(store);
    await log.recordDurably(recordOf());
    expect(await store.get(entryKey(2))).toBeDefined();
    await log.stop();
  });

  test('writes what nobody waits for a moment later', async () => {
    const store = new MemoryLog();
    const log = await open(store, { lazyMs: 5 });
    log.record(recordOf());
    await until(() => store.get(entryKey(2)), { timeoutMs: 1000, intervalMs: 2 });
    await log.stop();
  });

  test('shares one write among calls that come while the disk is busy, in the order of the calls', async () => {
    const store = new MoodyStore();
    const log = await open(store);
    store.hold();
    const first = log.recordDurably(recordOf({ target: '0' }));
    await until(() => store.batches.length === 2);
    const others = Array.from({ length: 50 }, (_, i) => log.recordDurably(recordOf({ target: String(i + 1) })));
    store.release();
    await Promise.all([first, ...others]);
    expect(store.batches).toEqual([1, 1, 50]);
    expect((await exported(store)).slice(1).map(({ target }) => target)).toEqual(
      Array.from({ length: 51 }, (_, i) => String(i)),
    );
    await log.stop();
  });

  test('goes on in the same chain after a clean stop, without a gap', async () => {
    const store = new MemoryLog();
    await (await open(store)).stop();
    await (await open(store)).stop();
    expect((await exported(store)).map(({ kind }) => kind)).toEqual(['start', 'stop', 'start', 'stop']);
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true, to: 4 });
  });

  test('records a gap with its window after a stop that was none', async () => {
    const store = new MemoryLog();
    const died = await open(store, {}, silent, () => 1_000_000);
    await died.recordDurably(recordOf());
    const log = await open(store, {}, silent, () => 1_007_000);
    const entries = await exported(store);
    expect(entries.map(({ kind }) => kind)).toEqual(['start', 'call', 'gap', 'start']);
    expect(entries[2]).toMatchObject({ reason: 'unclean-stop', durationMs: 7000, atMs: 1_007_000 });
    expect(entries[2]?.['justification']).toContain(new Date(1_000_000).toISOString());
    await log.stop();
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true });
  });

  test('starts on a log whose last entry is damaged, says so, and still verifies as broken there', async () => {
    const store = new MemoryLog();
    await (await open(store)).stop();
    await store.put(entryKey(2), Buffer.from('{"seq":2}'));
    const log = await open(store);
    await log.stop();
    expect((await exported(store))[2]).toMatchObject({ kind: 'gap', reason: 'damaged-end' });
    expect((await verifyAudit(store, owner)).brokenAt).toMatchObject({ seq: 2, kind: 'changed' });
  });

  test('refuses to go on after something that is no entry', async () => {
    const store = new MemoryLog();
    await store.put('e/zzz', Buffer.from('x'));
    await expect(open(store)).rejects.toMatchObject({ code: 'AUDIT_CORRUPT' });
  });

  test('signs a head every 256 entries and keeps only the newest of those that time called for', async () => {
    const store = new MemoryLog();
    const log = await open(store, { headMs: 1 });
    for (const seq of [2, 3]) {
      await log.recordDurably(recordOf());
      await until(async () => (await newestHead(store)) === seq);
    }
    expect(await store.get(headKey(3))).toBeUndefined();
    for (let seq = 4; seq <= 300; seq += 1) log.record(recordOf());
    await log.recordDurably(recordOf());
    expect(await store.get(headKey(256))).toBeDefined();
    await log.stop();
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true, to: 302, signedTo: 302 });
  });

  test('turns a flood of equal refusals into one entry with a count', async () => {
    const store = new MemoryLog();
    const log = await open(store, { flood: { ...FLOOD_LIMITS, singly: 2, windowMs: 60_000 } });
    for (let i = 0; i < 500; i += 1)
      log.record(recordOf({ kind: 'refusal', outcome: 'denied', reason: 'RATE_LIMITED' }));
    await log.recordDurably(recordOf({ outcome: 'denied', kind: 'refusal', reason: 'RATE_LIMITED' }));
    await log.stop();
    const refusals = (await exported(store)).filter(({ kind }) => kind === 'refusal');
    expect(refusals.map(({ count }) => count)).toEqual([1, 1, 499]);
  });

  test('ends a flood’s window by itself', async () => {
    const store = new MemoryLog();
    const log = await open(store, { flood: { ...FLOOD_LIMITS, singly: 0, windowMs: 20 } });
    log.record(recordOf({ kind: 'refusal', outcome: 'denied' }));
    await until(async () => (await exported(store)).some(({ kind, count }) => kind === 'refusal' && count === 1));
    await log.stop();
  });

  test('reports, and does not throw, what comes after its stop', async () => {
    const reported: unknown[] = [];
    const log = await open(new MemoryLog(), {}, { report: (name, detail) => void reported.push([name, detail]) });
    await log.stop();
    await log.stop();
    log.record(recordOf());
    expect(reported).toContainEqual([
      'background.failed',
      { area: 'audit', error: expect.objectContaining({ code: 'AUDIT_CLOSED' }) },
    ]);
    await expect(log.recordDurably(recordOf())).rejects.toMatchObject({ code: 'AUDIT_CLOSED' });
  });
});

describe('an audit log whose disk fails', () => {
  test('tells those who wait, says that it failed, and writes everything once the disk can', async () => {
    const store = new MoodyStore();
    const log = await open(store, { retryMs: 2, maxRetryMs: 4 });
    store.refusing = true;
    const error = await log.recordDurably(recordOf({ target: 'one' })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AuditError);
    expect(error).toMatchObject({ code: 'AUDIT_UNWRITABLE', cause: { message: 'no space left on device' } });
    expect(log.failure).toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await expect(log.recordDurably(recordOf({ target: 'two' }))).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    log.record(recordOf({ target: 'three' }));
    store.refusing = false;
    await until(() => log.failure === undefined);
    await log.recordDurably(recordOf({ target: 'four' }));
    await log.stop();
    expect((await exported(store)).map(({ target }) => target)).toEqual(['', 'one', 'two', 'three', 'four', '']);
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true });
  });

  test('does not wait for ever for a disk that does not answer', async () => {
    const store = new MoodyStore();
    const log = await open(store, { flushDeadlineMs: 20 });
    store.hold();
    await expect(log.recordDurably(recordOf())).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(log.failure).toBeDefined();
    await expect(log.stop()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    store.release();
  });

  test('is well again when the disk answers late', async () => {
    const store = new MoodyStore();
    const log = await open(store, { flushDeadlineMs: 20 });
    store.hold();
    await expect(log.recordDurably(recordOf())).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    store.release();
    await until(() => log.failure === undefined);
    await log.stop();
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true, to: 3 });
  });

  test('makes callers wait when memory fills, and records how many entries it lost beyond that', async () => {
    const store = new MoodyStore();
    const log = await open(store, { maxPending: 10 });
    expect(log.room()).toBeUndefined();
    store.hold();
    for (let i = 0; i < 10; i += 1) log.record(recordOf());
    const room = log.room();
    expect(room).toBeInstanceOf(Promise);
    for (let i = 0; i < 37; i += 1) log.record(recordOf());
    await expect(log.recordDurably(recordOf())).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    store.release();
    await room;
    await until(() => log.room() === undefined);
    await log.recordDurably(recordOf({ target: 'after' }));
    await log.stop();
    const entries = await exported(store);
    expect(entries.find(({ kind }) => kind === 'gap')).toMatchObject({ reason: 'overflow', count: 8 });
    expect(entries.filter(({ kind }) => kind === 'call')).toHaveLength(41);
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true });
  });

  test('holds no more of long entries than of short ones', async () => {
    const store = new MoodyStore();
    const log = await open(store, { maxPendingText: 1_000 });
    store.hold();
    log.record(recordOf({ content: JSON.stringify('x'.repeat(400)) }));
    await until(() => store.batches.length > 1);
    for (let i = 0; i < 3; i += 1) log.record(recordOf({ content: JSON.stringify('x'.repeat(400)) }));
    const room = log.room();
    expect(room).toBeInstanceOf(Promise);
    for (let i = 0; i < 20; i += 1) log.record(recordOf({ content: JSON.stringify('x'.repeat(400)) }));
    store.release();
    await room;
    await log.stop();
    const entries = await exported(store);
    expect(entries.filter(({ kind }) => kind === 'call')).toHaveLength(11);
    expect(entries.find(({ kind }) => kind === 'gap')).toMatchObject({ reason: 'overflow', count: 13 });
    expect(await verifyAudit(store, owner)).toMatchObject({ ok: true });
  });

  test('stops with an error when its end cannot be written, and the next start records the gap', async () => {
    const store = new MoodyStore();
    const log = await open(store, { retryMs: 1, maxRetryMs: 1 });
    store.refusing = true;
    await expect(log.stop()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    store.refusing = false;
    await (await open(store)).stop();
    expect((await exported(store)).map(({ kind }) => kind)).toEqual(['start', 'gap', 'start', 'stop']);
  });
});

describe('reading the audit log', () => {
  async function written(): Promise<MemoryLog> {
    const store = new MemoryLog();
    let now = 1000;
    const log = await open(store, {}, silent, () => now);
    for (let i = 2; i <= 9; i += 1) {
      now = 1000 * i;
      log.record(recordOf({ target: `t${i}` }));
    }
    await log.stop();
    return store;
  }
  const seqs = async (store: MemoryLog, range: object): Promise<unknown[]> =>
    (await exported(store, range)).map(({ seq }) => seq);

  const at = (ms: number): string => new Date(ms).toISOString();

  test('exports a range of entries or of time', async () => {
    const store = await written();
    expect(await seqs(store, { from: 3, to: 5 })).toEqual([3, 4, 5]);
    expect(await seqs(store, await auditRange(store, { from: at(4000), to: at(6000) }))).toEqual([4, 5, 6]);
    expect(await seqs(store, await auditRange(store, { from: at(4001), to: 8 }))).toEqual([5, 6, 7, 8]);
    expect(await seqs(store, await auditRange(store, { from: at(99_000) }))).toEqual([]);
    expect(await seqs(store, await auditRange(store, { to: at(1) }))).toEqual([]);
    expect(await auditRange(store, { from: 0, to: 5 })).toEqual({ from: 1, to: 5 });
    expect(await seqs(store, { from: 11 })).toEqual([]);
  });

  test('exports lines that verify without the node', async () => {
    const store = await written();
    const lines: string[] = [];
    for await (const line of exportAudit(store)) lines.push(line);
    expect(await verifyExport(lines, owner)).toMatchObject({ ok: true, to: 10 });
    expect(await verifyExport([...lines, ''], owner)).toMatchObject({ ok: true, to: 10 });
    const after = { seq: 4, hash: openRecord(lines[3] as string)?.hash as string };
    expect(await verifyExport(lines.slice(4), { ...owner, after })).toMatchObject({ ok: true, from: 5, to: 10 });
    lines[5] = (lines[5] as string).replace('"t6"', '"t7"');
    expect((await verifyExport(lines, owner))?.brokenAt).toMatchObject({ seq: 6, kind: 'changed' });
  });

  test('verifies a part, and a part whose beginning is gone does not verify', async () => {
    const store = await written();
    expect(await verifyAudit(store, { ...owner, from: 4, to: 8 })).toMatchObject({
      ok: true,
      from: 4,
      to: 8,
      checked: 5,
    });
    expect(await verifyAudit(store, { ...owner, from: 6, to: 5 })).toMatchObject({ ok: true, checked: 0 });
    await store.del(entryKey(3));
    expect((await verifyAudit(store, { ...owner, from: 4 })).brokenAt).toMatchObject({ seq: 3, kind: 'missing' });
    expect((await verifyAudit(store, owner)).brokenAt).toMatchObject({ seq: 3, kind: 'missing' });
  });

  test('finds a head that another key signed, one moved elsewhere, and a cut-off end', async () => {
    const store = await written();
    const head = (await store.get(headKey(10))) as Uint8Array;
    expect((await verifyAudit(store, { ...owner, issuerKey: headSigner().issuerKey })).brokenAt).toMatchObject({
      seq: 10,
      kind: 'head-mismatch',
    });
    expect((await verifyAudit(store, { ...owner, nodeId: 'another' })).brokenAt).toMatchObject({
      seq: 1,
      kind: 'changed',
    });
    await store.put(headKey(9), head);
    expect((await verifyAudit(store, owner)).brokenAt).toMatchObject({ seq: 9, kind: 'head-mismatch' });
    await store.del(headKey(9));
    await store.del(headKey(10));
    await store.del(entryKey(10)); // the newest head knows of it all the same
    expect((await verifyAudit(store, owner)).brokenAt).toMatchObject({ seq: 10, kind: 'truncated' });
  });

  test('follows a running log from its last entries until told to stop', async () => {
    const store = new MemoryLog();
    const log = await open(store);
    await log.recordDurably(recordOf({ target: 'old' }));
    await log.recordDurably(recordOf({ target: 'new' }));
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const entry of tailAudit(log, { last: 1, signal: stop.signal })) seen.push(entry.target);
    })();
    await until(() => seen.length === 1);
    for (let i = 0; i < 3; i += 1) {
      log.record(recordOf({ target: `live ${i}` }));
      await until(() => seen.length === 2 + i);
    }
    stop.abort();
    await following;
    expect(seen).toEqual(['new', 'live 0', 'live 1', 'live 2']);
    await log.stop();
  });
});
