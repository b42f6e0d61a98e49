import { describe, expect, test } from 'vitest';
import {
  type AuditEntry,
  type ChainReport,
  ChainVerifier,
  decodeEntry,
  genesisHash,
  openRecord,
} from '../../../src/audit/index.ts';
import { text } from '../../../src/kernel/index.ts';
import { NODE, recordOf, sealEntry, VILLAGE } from '../../support/audit.ts';

interface Stored {
  readonly key: number | undefined;
  readonly record: string;
}

/** Ten calls as a node stores them. */
function tenEntries(village = VILLAGE, first: Partial<AuditEntry> = {}): Stored[] {
  let hash = genesisHash(village, NODE);
  return Array.from({ length: 10 }, (_, i) => {
    const sealed = sealEntry(hash, {
      seq: i + 1,
      atMs: 1000 + i,
      ...recordOf({ target: `tool-${i + 1}`, peer: 'p', reason: 'r', justification: 'j' }),
      ...(i === 0 ? first : {}),
    });
    hash = sealed.hash;
    return { key: i + 1, record: text(sealed.record) };
  });
}
const log = tenEntries();
const hashOf = (stored: Stored | undefined): string => openRecord(stored?.record ?? '')?.hash ?? '';
const headAt10 = new Map([[10, hashOf(log[9])]]);

function check(stored: readonly Stored[], heads: ReadonlyMap<number, string> | undefined = headAt10): ChainReport {
  const verifier = new ChainVerifier({ villageId: VILLAGE, nodeId: NODE, heads });
  for (const { key, record } of stored) verifier.next(key, record);
  return verifier.end();
}
const edited = (seq: number, edit: (record: string) => string): Stored[] =>
  log.map((stored) => (stored.key === seq ? { ...stored, record: edit(stored.record) } : stored));

describe('an untouched log', () => {
  test('is intact from first to last', () => {
    expect(check(log)).toEqual({
      accepted: [],
      ok: true,
      checked: 10,
      from: 1,
      to: 10,
      headHash: hashOf(log[9]),
      signedTo: 10,
      brokenAt: undefined,
    });
  });

  test('is intact when nothing was ever written', () => {
    expect(check([], new Map())).toMatchObject({ ok: true, checked: 0, from: 1, to: 0 });
  });

  test('says how far a signed head vouches for it', () => {
    expect(check(log, new Map([[4, hashOf(log[3])]]))).toMatchObject({ ok: true, to: 10, signedTo: 4 });
  });

  test('is checked in part from a known hash', () => {
    const verifier = new ChainVerifier({ villageId: VILLAGE, nodeId: NODE, after: { seq: 4, hash: hashOf(log[3]) } });
    for (const { key, record } of log.slice(4)) verifier.next(key, record);
    expect(verifier.end()).toMatchObject({ ok: true, checked: 6, from: 5, to: 10, signedTo: undefined });
  });
});

const decoded = decodeEntry(openRecord(log[4]?.record ?? '')?.line ?? '');
const fifth = (decoded.kind === 'entry' ? decoded.entry : {}) as unknown as Record<string, unknown>;

describe('a tampered log', () => {
  test.each(Object.keys(fifth))('with field %s of entry 5 flipped is broken there', (field) => {
    const value = fifth[field];
    const other =
      typeof value === 'number'
        ? value + 1
        : field === 'kind'
          ? 'fog'
          : field === 'outcome'
            ? 'failed'
            : `${String(value)}!`;
    const report = check(
      edited(5, (record) =>
        record.replace(`"${field}":${JSON.stringify(value)}`, `"${field}":${JSON.stringify(other)}`),
      ),
    );
    expect(report).toMatchObject({ ok: false, checked: 4, to: 4, brokenAt: { seq: 5, kind: 'changed' } });
    expect(report.brokenAt?.message).toContain('entry 5');
  });

  test('with any one bit of a record flipped is broken at that entry', () => {
    const bytes = Buffer.from(log[2]?.record ?? '');
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      const verifier = new ChainVerifier({ villageId: VILLAGE, nodeId: NODE });
      for (const { key, record } of log) verifier.next(key, key === 3 ? flipped : record);
      const report = verifier.end();
      expect(report.ok, `byte ${at}`).toBe(false);
      expect(report.brokenAt?.seq, `byte ${at}`).toBe(3);
    }
  });

  test('with a field added to an entry, and its hash made anew, is broken there', () => {
    const report = check(edited(5, (record) => record.replace('"count":1,', '"count":1,"note":"x",')));
    expect(report.brokenAt).toMatchObject({ seq: 5, kind: 'changed' });
    expect(report.brokenAt?.message).toContain('note');
  });

  test('with an entry replaced and rehashed is broken at the next', () => {
    const forged = sealEntry(hashOf(log[3]), { ...(fifth as unknown as AuditEntry), outcome: 'denied' });
    expect(check(edited(5, () => text(forged.record))).brokenAt).toMatchObject({ seq: 6, kind: 'changed' });
  });

  test.each([
    [1, 'the first'],
    [5, 'a middle'],
  ])('without entry %i (%s one) is broken there', (seq) => {
    expect(check(log.filter(({ key }) => key !== seq)).brokenAt).toMatchObject({
      seq,
      kind: 'missing',
      message: `entry ${seq} is missing`,
    });
  });

  test('without its last entry is shorter than the node signed', () => {
    expect(check(log.slice(0, 9)).brokenAt).toMatchObject({ seq: 10, kind: 'truncated' });
  });

  test('without its last half is shorter than the node signed', () => {
    expect(check(log.slice(0, 5))).toMatchObject({ ok: false, to: 5, brokenAt: { seq: 6, kind: 'truncated' } });
  });

  test('that is empty although entries were signed is truncated', () => {
    expect(check([]).brokenAt).toMatchObject({ seq: 1, kind: 'truncated' });
  });

  test('with two values swapped is out of order at the first of them', () => {
    const swapped = log.map((stored) =>
      stored.key === 3
        ? { ...stored, record: log[6]?.record ?? '' }
        : stored.key === 7
          ? { ...stored, record: log[2]?.record ?? '' }
          : stored,
    );
    expect(check(swapped).brokenAt).toMatchObject({ seq: 3, kind: 'out-of-order' });
  });

  test('with two lines of an export swapped is out of order at the later one', () => {
    const swapped = [...log.slice(0, 3), log[4], log[3], ...log.slice(5)] as Stored[];
    expect(check(swapped).brokenAt).toMatchObject({ seq: 4, kind: 'out-of-order' });
  });

  test('with a line of an export twice has a duplicate', () => {
    const twice = [...log.slice(0, 5), ...log.slice(4)];
    expect(check(twice).brokenAt).toMatchObject({ seq: 6, kind: 'duplicate' });
  });

  test('with a copy of an earlier entry in the place of another has a duplicate', () => {
    expect(check(edited(8, () => log[1]?.record ?? '')).brokenAt).toMatchObject({ seq: 8, kind: 'duplicate' });
  });

  test('with something between that is no entry is broken there', () => {
    expect(check([...log.slice(0, 5), { key: undefined, record: '{}' }, ...log.slice(5)]).brokenAt).toMatchObject({
      seq: 6,
      kind: 'inserted',
    });
  });

  test('rewritten whole and rehashed is not what the node signed', () => {
    expect(check(tenEntries(VILLAGE, { agentId: 'somebody else' })).brokenAt).toMatchObject({
      seq: 10,
      kind: 'head-mismatch',
    });
  });

  test('of another village or node is broken at its first entry', () => {
    expect(check(tenEntries('e'.repeat(64))).brokenAt).toMatchObject({ seq: 1, kind: 'changed' });
  });

  test('whose heads were removed with the end of the log is found by the heads that must be there', () => {
    let hash = genesisHash(VILLAGE, NODE);
    const verifier = new ChainVerifier({ villageId: VILLAGE, nodeId: NODE, heads: new Map() });
    for (let seq = 1; seq <= 256; seq += 1) {
      const sealed = sealEntry(hash, { seq, atMs: seq, ...recordOf() });
      hash = sealed.hash;
      verifier.next(seq, sealed.record);
    }
    expect(verifier.end().brokenAt).toMatchObject({ seq: 256, kind: 'head-missing' });
  });

  test('that ends cleanly without a signed head is broken at its stop', () => {
    const stop = sealEntry(genesisHash(VILLAGE, NODE), { seq: 1, atMs: 1, ...recordOf({ kind: 'stop' }) });
    expect(check([{ key: 1, record: text(stop.record) }], new Map()).brokenAt).toMatchObject({
      seq: 1,
      kind: 'head-missing',
    });
  });
});
