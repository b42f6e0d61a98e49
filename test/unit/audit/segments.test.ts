import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AuditLog, exportAudit, segmented, verifyAudit } from '../../../node/audit/index.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { entryKey, headKey } from '../../../src/audit/index.ts';
import { headSigner, recordOf } from '../../support/audit.ts';

const put = (seq: number, text = `{"seq":${seq}}`) =>
  ({ type: 'put', key: entryKey(seq), value: Buffer.from(text) }) as const;
const keysOf = async (entries: AsyncIterable<readonly [string, Uint8Array]>): Promise<string[]> => {
  const keys: string[] = [];
  for await (const [key] of entries) keys.push(key);
  return keys;
};

describe('segments', () => {
  test('entries written together take one place on disk and come back one by one', async () => {
    const disk = new MemoryStore();
    const log = segmented(disk);
    await log.batch([put(1), put(2), { type: 'put', key: headKey(2), value: Buffer.from('head') }, put(3)]);
    await log.batch([put(4)]);
    expect(await keysOf(disk.entries({ gte: 'e/', lt: 'e0' }))).toEqual([entryKey(1), entryKey(4)]);
    const seen: string[] = [];
    for await (const [key, value] of log.entries({ gte: 'e/', lt: 'e0' }))
      seen.push(`${key} ${Buffer.from(value).toString()}`);
    expect(seen).toEqual([1, 2, 3, 4].map((seq) => `${entryKey(seq)} {"seq":${seq}}`));
    expect(await keysOf(log.entries({ gte: 'h/', lt: 'h0' }))).toEqual([headKey(2)]);
  });

  test('any range, forwards or backwards, gives what single entries would give', async () => {
    const bound = fc.integer({ min: 0, max: 14 });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        cuts,
        bound,
        bound,
        fc.boolean(),
        fc.integer({ min: 1, max: 13 }),
        async (at, from, to, reverse, limit) => {
          const single = new MemoryStore();
          const log = segmented(new MemoryStore());
          const batch: ReturnType<typeof put>[] = [];
          for (let seq = 1; seq <= 12; seq += 1) {
            batch.push(put(seq));
            await single.batch([put(seq)]);
            if (at.includes(seq) || seq === 12) await log.batch(batch.splice(0));
          }
          const range = { gte: entryKey(from), lt: entryKey(to), reverse, limit };
          expect(await keysOf(log.entries(range))).toEqual(await keysOf(single.entries(range)));
        },
      ),
    );
  });

  test.each([
    ['a byte of a record', (text: string) => text.replace('"count":1', '"count":2')],
    ['a whole record', (text: string) => text.split('\n').toSpliced(1, 1).join('\n')],
    ['the order of two', (text: string) => text.split('\n').reverse().join('\n')],
  ])('a change of %s inside a segment is found and named', async (_, change) => {
    const disk = new MemoryStore();
    const owner = { villageId: 'v'.repeat(64), nodeId: 'node' };
    const { sign, issuerKey } = headSigner();
    const log = await AuditLog.open({ ...owner, sign, store: segmented(disk), reporter: { report: () => undefined } });
    for (let i = 0; i < 5; i += 1) log.record(recordOf({ target: `tool-${i}` }));
    await log.stop();
    const whole = await verifyAudit(segmented(disk), { ...owner, issuerKey });
    expect(whole).toMatchObject({ ok: true, checked: 7 });
    for await (const [key, value] of disk.entries({ gte: 'e/', lt: 'e0' })) {
      const text = Buffer.from(value).toString();
      if (text.includes('\n')) await disk.put(key, Buffer.from(change(text)));
    }
    const verdict = await verifyAudit(segmented(disk), { ...owner, issuerKey });
    expect(verdict.ok).toBe(false);
    expect(verdict.brokenAt?.seq).toBeGreaterThan(1);
  });

  test('an export has a line for each entry, whatever segment it lies in', async () => {
    const log = segmented(new MemoryStore());
    await log.batch([put(1), put(2), put(3)]);
    const lines: string[] = [];
    for await (const line of exportAudit(log, { from: 2, to: 3 })) lines.push(line);
    expect(lines).toEqual(['{"seq":2}', '{"seq":3}']);
  });
});
