import { describe, expect, test } from 'vitest';
import {
  type ChainReport,
  ChainVerifier,
  genesisHash,
  openRecord,
  type WitnessedEntry,
} from '../../../src/audit/index.ts';
import { NODE, recordOf, sealEntry, VILLAGE } from '../../support/audit.ts';

/** Ten entries, made a second apart. */
const log: Uint8Array[] = [];
for (let seq = 1, hash = genesisHash(VILLAGE, NODE); seq <= 10; seq += 1) {
  const sealed = sealEntry(hash, { seq, atMs: seq * 1_000, ...recordOf({ target: `tool-${seq}` }) });
  hash = sealed.hash;
  log.push(sealed.record);
}
const seen = (seq: number, witness: string, hash = openRecord(log[seq - 1] ?? '')?.hash ?? ''): WitnessedEntry => ({
  seq,
  hash,
  witness,
});

function check(witnessed: readonly WitnessedEntry[] | undefined, upTo = 10): ChainReport {
  const verifier = new ChainVerifier({ villageId: VILLAGE, nodeId: NODE, witnessed });
  for (const [index, record] of log.slice(0, upTo).entries()) verifier.next(index + 1, record);
  return verifier.end();
}

describe('a log that witnesses vouch for', () => {
  test('says how far, who, and since when only its own node does', () => {
    const report = check([seen(4, 'B'), seen(7, 'C'), seen(6, 'B'), seen(2, 'D')]);
    expect(report).toMatchObject({ ok: true, to: 10 });
    expect(report.witnessed).toEqual({
      to: 7,
      by: ['D', 'B', 'C'],
      seenTo: { B: 6, C: 7, D: 2 },
      entriesSince: 3,
      sinceMs: 8_000,
    });
  });

  test('has no such window where the last entry is countersigned', () => {
    expect(check([seen(10, 'B')]).witnessed).toEqual({
      to: 10,
      by: ['B'],
      seenTo: { B: 10 },
      entriesSince: 0,
      sinceMs: undefined,
    });
  });

  test('is one big window where nobody was found, and says nothing where nobody was asked', () => {
    expect(check([]).witnessed).toEqual({ to: 0, by: [], seenTo: {}, entriesSince: 10, sinceMs: 1_000 });
    expect(check(undefined).witnessed).toBeUndefined();
  });

  test('is broken at the entry that a witness saw otherwise, though its chain is whole', () => {
    const report = check([seen(4, 'B'), seen(7, 'C', 'f'.repeat(64))]);
    expect(report.brokenAt).toMatchObject({ seq: 7, kind: 'rewritten', message: expect.stringContaining('C') });
    expect(report).toMatchObject({ ok: false, to: 6 });
  });

  test('is broken where it ends before an entry that a witness saw', () => {
    expect(check([seen(4, 'B'), seen(9, 'C')], 8).brokenAt).toMatchObject({ seq: 9, kind: 'rolled-back' });
  });
});
