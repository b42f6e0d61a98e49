import { describe, expect, test } from 'vitest';
import { verifyExport } from '../../../node/audit/index.ts';
import { genesisHash } from '../../../src/audit/index.ts';
import { text } from '../../../src/kernel/index.ts';
import { NODE, recordOf, sealEntry, VILLAGE } from '../../support/audit.ts';

/** A log from its start, as an export has it. */
function exported(length: number): string[] {
  const lines: string[] = [];
  let hash = genesisHash(VILLAGE, NODE);
  for (let seq = 1; seq <= length; seq += 1) {
    const what = seq === 1 ? ({ kind: 'start', peer: NODE } as const) : { target: `t${seq}` };
    const sealed = sealEntry(hash, { ...recordOf(what), seq, atMs: 1_000 * seq });
    lines.push(text(sealed.record));
    hash = sealed.hash;
  }
  return lines;
}

describe('an export, by itself', () => {
  const log = exported(6);
  const hashOnly = `"hash":"${'0'.repeat(64)}"}`;

  test('is whole from its start, and a part of it from its first line on', async () => {
    expect(await verifyExport(log, { villageId: VILLAGE })).toMatchObject({ ok: true, from: 1, to: 6, nodeId: NODE });
    expect(await verifyExport(log.slice(2))).toMatchObject({ ok: true, takenAsIs: 3, to: 6 });
  });

  test('has no first line that stands unchecked where the village is given: one that hides whose it is was changed', async () => {
    const [first = '', ...rest] = log;
    for (const hidden of [first.replace('"kind":"start"', '"kind":"stop"'), first.replace(NODE, '')]) {
      const report = await verifyExport([hidden, ...rest], { villageId: VILLAGE });
      expect(report).toMatchObject({ ok: false, takenAsIs: undefined, brokenAt: { seq: 1, kind: 'changed' } });
    }
  });

  test.each([
    ['that only ends like an entry', `{"seq":3,"anything":1,${hashOnly}`, 3],
    ['that is not JSON', `{"seq":3,oops,${hashOnly}`, 3],
    ['that is damaged at its end', (log[2] ?? '').slice(0, -5), 3],
    ['whose number no log reaches', `{"seq":9999999999999999,${hashOnly}`, 1e16],
  ])('does not begin with a line %s', async (_, line, seq) => {
    expect((await verifyExport([line, ...log.slice(3)]))?.brokenAt).toMatchObject({ seq, kind: 'changed' });
  });

  test('cut at any byte of its last line is not whole, unless nothing of that line is left', async () => {
    const [last = ''] = log.slice(-1);
    for (let left = 1; left < last.length; left += 1) {
      const report = await verifyExport([...log.slice(0, -1), last.slice(0, left)], { villageId: VILLAGE });
      expect(report, `${left} bytes`).toMatchObject({ ok: false, to: 5 });
    }
  });

  test('followed by another is broken where that begins', async () => {
    expect((await verifyExport([...log, ...log], { villageId: VILLAGE }))?.brokenAt).toMatchObject({ seq: 7 });
  });

  test('without a line is none', async () => {
    expect(await verifyExport(['', ' '])).toBeUndefined();
  });
});
