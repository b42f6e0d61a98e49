import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog, EntryFiles, exportAudit, Retention, verifyAudit } from '../../../node/audit/index.ts';
import { MemoryStore } from '../../../node/storage/index.ts';
import { AUDIT_CHECKPOINT_TYPE, AUDIT_HEAD_TYPE, CHECKPOINT, verifyCheckpoint } from '../../../src/audit/index.ts';
import { NODE, recordOf, VILLAGE } from '../../support/audit.ts';
import { keypair } from '../../support/keypair.ts';

const DAY_MS = 24 * 3_600_000;
const issuer = keypair(7);
const owner = { villageId: VILLAGE, nodeId: NODE, issuerKey: issuer.raw };
const beganMs = 1_800_000_000_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-retention-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A log that was written for `days` days, three entries a day, and what leaves its past out. */
async function written(days: number, sign = (payload: object) => issuer.jws(AUDIT_CHECKPOINT_TYPE, payload)) {
  let nowMs = beganMs;
  let kept = 365;
  const beside = new MemoryStore();
  const files = await EntryFiles.open(folder, { beside });
  const log = await AuditLog.open({
    ...owner,
    store: files,
    sign: (head) => issuer.jws(AUDIT_HEAD_TYPE, head),
    reporter: { report: () => undefined },
    now: () => nowMs,
  });
  for (let day = 0; day < days; day += 1) {
    nowMs = beganMs + day * DAY_MS;
    for (const hour of [1, 2, 3]) await log.recordDurably(recordOf({ target: `day ${day}, ${hour}` }));
  }
  const retention = new Retention({
    ...owner,
    files,
    beside,
    log,
    sign,
    days: () => kept,
    clock: { wallMs: () => nowMs, after: () => () => undefined },
    onFailed: (error) => {
      throw error;
    },
  });
  const targets = async (): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for await (const line of exportAudit(files)) seen.push((JSON.parse(line) as { target: string }).target);
    return seen;
  };
  return { beside, files, log, retention, targets, keep: (most: number) => (kept = most) };
}

describe('an audit log whose village keeps entries for some days', () => {
  test('is left as it is while nothing is too old', async () => {
    const { retention, log, files } = await written(10);
    expect(await retention.apply()).toBeUndefined();
    await log.stop();
    expect(files.first).toBe(1);
  });

  test('loses what is older, by the day, and still verifies from a signed checkpoint', async () => {
    const { retention, log, files, beside, targets, keep } = await written(10);
    keep(3);
    const last = await retention.apply();
    expect(last).toBeGreaterThan(12);
    const left = await targets();
    expect(left).not.toContain('day 2, 3');
    expect(left).toEqual(expect.arrayContaining(['day 7, 1', 'day 9, 3']));
    expect(left).toContain(`1-${last}`); // the act is on record itself
    await log.stop();
    const verdict = await verifyAudit(await EntryFiles.open(folder, { beside }), owner);
    expect(verdict).toMatchObject({ ok: true, from: (last as number) + 1 });
    expect((await readdir(folder)).length).toBeLessThan(6);
    const checkpoint = verifyCheckpoint(Buffer.from((await beside.get(CHECKPOINT)) ?? []).toString(), owner);
    expect(checkpoint).toMatchObject({ seq: last, days: 3 });
    expect(files.first).toBe((last as number) + 1);
  });

  test('follows a shorter time at once, and a longer one brings nothing back', async () => {
    const { retention, log, keep } = await written(10);
    keep(6);
    const first = await retention.apply();
    keep(2);
    const second = await retention.apply();
    expect(second).toBeGreaterThan(first as number);
    keep(365);
    expect(await retention.apply()).toBeUndefined();
    await log.stop();
  });

  test('goes on after a crash between the checkpoint and the deletion', async () => {
    const { retention, log, beside, keep, files } = await written(10);
    keep(3);
    const gone = files.dropBefore.bind(files);
    files.dropBefore = () => Promise.reject(new Error('killed'));
    await expect(retention.apply()).rejects.toThrow('killed');
    expect(files.first).toBe(1);
    expect(await verifyAudit(await EntryFiles.open(folder, { beside }), owner)).toMatchObject({ ok: true });
    files.dropBefore = gone;
    await retention.apply();
    expect(files.first).toBeGreaterThan(12);
    await log.stop();
  });

  test('is broken where its beginning was taken away without a checkpoint, or with one that another key signed', async () => {
    const { retention, log, beside, keep } = await written(10, (payload) =>
      keypair(8).jws(AUDIT_CHECKPOINT_TYPE, payload),
    );
    keep(3);
    await retention.apply();
    await log.stop();
    const verdict = await verifyAudit(await EntryFiles.open(folder, { beside }), owner);
    expect(verdict.brokenAt).toMatchObject({ seq: 1, kind: 'missing' });
    await beside.del(CHECKPOINT);
    expect((await verifyAudit(await EntryFiles.open(folder, { beside }), owner)).brokenAt).toMatchObject({
      seq: 1,
      kind: 'missing',
    });
  });
});
