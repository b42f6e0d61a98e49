import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AuditEntry, encodeEntry, headKey, type LogLines, SealedLines } from '../../../src/audit/index.ts';
import { recordOf } from '../../support/audit.ts';

const START = { seq: 41, hash: '0'.repeat(64) };
const entryOf = (seq: number, target: string): AuditEntry => ({ seq, atMs: seq * 10, ...recordOf({ target }) });

/** What the format says, spelled out: each entry's hash is of the hash before, as hex digits, and of its line. */
function expected(entries: readonly AuditEntry[], heads: ReadonlyMap<number, string> = new Map()) {
  let hash = START.hash;
  let text = '';
  for (const entry of entries) {
    const line = encodeEntry(entry);
    hash = createHash('sha256')
      .update(hash + line)
      .digest('hex');
    text += `${line.slice(0, -1)},"hash":"${hash}"}\n`;
    const head = heads.get(entry.seq);
    if (head !== undefined) text += `${headKey(entry.seq)} ${head}\n`;
  }
  return { text: `${text}\n`, hash };
}

function add(lines: SealedLines, { seq, atMs, ...record }: AuditEntry): void {
  expect(lines.add(record, { atMs })).toBe(seq);
}

describe('lines sealed together', () => {
  test('are laid out as the format says, whatever lies between and however long they are', () => {
    const targets = ['echo', 'ünïcödé 🙂', '"\\\n\ud800', 'x'.repeat(900), '', 'é'.repeat(900)];
    const entries = Array.from({ length: 400 }, (_, at) => entryOf(42 + at, targets[at % targets.length] ?? ''));
    const heads = new Map([
      [50, 'short'],
      [51, 'h'.repeat(40)],
      [60, 'h'.repeat(500)],
    ]);
    const lines = new SealedLines(START);
    for (const entry of entries) {
      add(lines, entry);
      const head = heads.get(entry.seq);
      if (head !== undefined) lines.addHead(head);
    }
    const { text, hash } = expected(entries, heads);
    const taken = lines.take();
    expect(Buffer.from(taken?.bytes ?? []).toString()).toBe(text);
    expect(taken?.first).toBe(42);
    expect(lines.last).toEqual({ seq: 441, hash });
  });

  test('go on where the batch before ended, and leave its bytes alone until they are given back', () => {
    const entries = Array.from({ length: 9 }, (_, at) => entryOf(42 + at, `tool-${at}`));
    const lines = new SealedLines(START);
    let written = '';
    let inFlight: { readonly batch: LogLines; readonly text: string } | undefined;
    for (const [at, entry] of entries.entries()) {
      add(lines, entry);
      if (at % 3 !== 2) continue;
      if (inFlight !== undefined) {
        expect(Buffer.from(inFlight.batch.bytes).toString()).toBe(inFlight.text);
        lines.give(inFlight.batch);
      }
      const batch = lines.take() as LogLines;
      expect(batch.first).toBe(entry.seq - 2);
      inFlight = { batch, text: Buffer.from(batch.bytes).toString() };
      written += inFlight.text.slice(0, -1);
    }
    expect(`${written}\n`).toBe(expected(entries).text);
    expect(lines.take()).toBeUndefined();
  });

  test('can be seen before they are taken, and what was seen is what is taken', () => {
    const lines = new SealedLines(START);
    expect(lines.peek()).toBeUndefined();
    let seen = '';
    for (let seq = 42; seq < 80; seq += 1) {
      add(lines, entryOf(seq, `tool-${seq}`));
      if (seq === 50) lines.addHead('a.b.c');
      const peeked = lines.peek();
      const text = Buffer.from(peeked?.bytes ?? []).toString();
      expect(peeked?.first).toBe(42);
      expect(text.startsWith(seen)).toBe(true);
      seen = text;
    }
    expect(Buffer.from(lines.take()?.bytes ?? []).toString()).toBe(`${seen}\n`);
    expect(lines.peek()).toBeUndefined();
  });
});
