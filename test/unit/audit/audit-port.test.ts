import { expect, test } from 'vitest';
import { AuditLog } from '../../../node/audit/index.ts';
import { auditPort } from '../../../node/audit-port.ts';
import type { StoreRange } from '../../../node/storage/index.ts';
import { headSigner, NODE, recordOf, VILLAGE } from '../../support/audit.ts';
import { MemoryLog } from '../../support/memory-log.ts';

const ENTRIES = 3_000;
const signal = new AbortController().signal;

/** A log of one entry a second, and how many of its lines were read. */
async function written() {
  const { issuerKey, sign } = headSigner();
  const store = new MemoryLog();
  let now = 0;
  const reporter = { report: () => undefined };
  const log = await AuditLog.open({ store, villageId: VILLAGE, nodeId: NODE, sign, reporter, now: () => now });
  while (log.seq < ENTRIES) {
    now = log.seq * 1000;
    log.record(recordOf());
    if (log.seq % 500 === 0) await log.settled();
  }
  const read = { lines: 0 };
  const counted = {
    first: 1,
    entries: async function* (range?: StoreRange) {
      for await (const line of store.entries(range)) {
        read.lines += 1;
        yield line;
      }
    },
  };
  const sources = { store: counted, settled: () => log.settled(), witnessed: async () => [] };
  return { port: auditPort(sources, { villageId: VILLAGE, nodeId: NODE, issuerKey }), read, log };
}

test('an auditor reads no more of a long log than was asked for, and is told where that begins', async () => {
  const { port, read, log } = await written();
  const window = await port.window({}, { newest: 100, signal });
  expect(window).toMatchObject({ from: ENTRIES - 99, isWhole: false });
  expect(await port.verify(window, { signal })).toMatchObject({ ok: true, checked: 100 });
  const seen: number[] = [];
  for await (const { seq } of port.entries(window, { signal })) seen.push(seq);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => ENTRIES - 99 + at));
  expect(read.lines).toBeLessThan(300);
  await log.stop();
});

test('instants are looked for among those entries, and what lies before them is not called whole', async () => {
  const { port, read, log } = await written();
  const at = (seq: number) => new Date((seq - 1) * 1000).toISOString();
  const late = await port.window({ from: at(2_950), to: at(2_960) }, { newest: 100, signal });
  expect(late).toEqual({ from: 2_950, to: 2_960, isWhole: true });
  const early = await port.window({ from: at(10) }, { newest: 100, signal });
  expect(early).toMatchObject({ from: ENTRIES - 99, isWhole: false });
  expect(read.lines).toBeLessThan(300);
  expect(await port.window({ from: at(10) }, { newest: ENTRIES, signal })).toMatchObject({ from: 10, isWhole: true });
  await log.stop();
});
