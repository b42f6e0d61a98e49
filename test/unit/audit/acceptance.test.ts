import { describe, expect, test } from 'vitest';
import {
  ACCEPTED_LOSS,
  AUDIT_ACCEPTANCE_TYPE,
  type AuditAcceptance,
  type AuditRecord,
  type ChainReport,
  ChainVerifier,
  genesisHash,
  openRecord,
  verifyAcceptance,
  type WitnessedEntry,
} from '../../../src/audit/index.ts';
import { recordOf, sealEntry } from '../../support/audit.ts';
import { type Host, hostA, hostB, hostC, villageId } from '../../support/small-village.ts';

const owner = { villageId, nodeId: hostA.node.peerId };
const witness = hostB.node.peerId;

/** What a witness signs, of the entries 4 to 6 of host A's log unless `changes` say otherwise. */
function acceptance(
  changes: Record<string, unknown> = {},
  by: Host = hostB,
  typ: string = AUDIT_ACCEPTANCE_TYPE,
): string {
  const payload: AuditAcceptance = {
    ...{ village: villageId, node: owner.nodeId, witness: by.node.peerId },
    ...{ from: 4, to: 6, hash: 'f'.repeat(64), at_ms: 1 },
  };
  return by.node.jws(typ, { ...payload, ...changes });
}

const entryOf = (jws: string): AuditRecord =>
  recordOf({ kind: 'administration', method: ACCEPTED_LOSS, content: JSON.stringify({ acceptance: jws }) });

/** A log of eight entries, the last but one of which is `record`, held against what the witness saw. */
function checked(record: AuditRecord, seen: readonly Partial<WitnessedEntry>[]): ChainReport {
  const words = seen.map((word) => ({ seq: 5, hash: 'f'.repeat(64), witness, ...word }));
  const verifier = new ChainVerifier({ ...owner, witnessed: words });
  for (let seq = 1, hash = genesisHash(villageId, owner.nodeId); seq <= 8; seq += 1) {
    const sealed = sealEntry(hash, { seq, atMs: seq, ...(seq === 7 ? record : recordOf()) });
    hash = openRecord(sealed.record)?.hash ?? '';
    verifier.next(seq, sealed.record);
  }
  return verifier.end();
}

describe('a log that was put back from a copy', () => {
  test('is whole where the witness that saw more accepted it, and says what was lost', () => {
    const report = checked(entryOf(acceptance()), [{}, { seq: 6 }]);
    expect(report).toMatchObject({ ok: true, to: 8 });
    expect(report.accepted).toEqual([{ seq: 7, by: witness, from: 4, to: 6 }]);
  });

  test('is whole where it has not even grown as long again', () => {
    const report = checked(entryOf(acceptance({ to: 30 })), [{ seq: 30 }]);
    expect(report).toMatchObject({ ok: true, to: 8 });
  });

  test.each<[string, AuditRecord, Partial<WitnessedEntry>]>([
    ['another witness saw it too', entryOf(acceptance()), { witness: hostC.node.peerId }],
    ['the witness saw more than it accepted', entryOf(acceptance()), { seq: 3 }],
    ['another node’s loss was accepted', entryOf(acceptance({ node: hostC.node.peerId })), {}],
    ['the node accepts its own loss', entryOf(acceptance({}, hostA)), {}],
    ['the witness’s name is another’s signature', entryOf(acceptance({ witness }, hostC)), {}],
    [
      'the entry only says so',
      recordOf({ kind: 'administration', method: ACCEPTED_LOSS, target: '4-6', peer: witness }),
      {},
    ],
    ['the entry is another kind', { ...entryOf(acceptance()), kind: 'call' }, {}],
    ['what the entry carries is no JSON', { ...entryOf(acceptance()), content: 'x' }, {}],
  ])('is broken where %s', (_, record, word) => {
    const seq = word.seq ?? 5;
    expect(checked(record, [word])).toMatchObject({ ok: false, to: seq - 1, brokenAt: { kind: 'rewritten', seq } });
  });
});

describe('an acceptance', () => {
  test('is read as it was signed', () => {
    expect(verifyAcceptance(acceptance(), owner)).toMatchObject({ witness, from: 4, to: 6 });
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['no token', 'a.b.c'],
    ['one of another village', acceptance({ village: 'other' })],
    ['one with a member more', acceptance({ more: 1 })],
    ['one without whole numbers', acceptance({ to: 1.5 })],
    ['one by the node itself', acceptance({}, hostA)],
    ['one whose witness is no node', acceptance({ witness: 'somebody' })],
    ['a statement of another kind', acceptance({}, hostB, 'village-audit-anchor+jws')],
    ['one too long', acceptance({ hash: 'f'.repeat(4_000) })],
  ])('%s is none', (_, jws) => {
    expect(verifyAcceptance(jws, owner)).toBeUndefined();
  });
});
