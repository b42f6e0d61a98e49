import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallIds } from '../../../protocols/mcp/call-ids.ts';
import { SeenCalls } from '../../../protocols/mcp/seen-calls.ts';

/** Ids that differ in their last word and all name one place. */
const crowd = (count: number): Uint8Array[] => Array.from({ length: count }, (_, n) => idOf(7, 0, 0, n));

function idOf(...words: [number, number, number, number]): Uint8Array {
  const id = Buffer.alloc(16);
  words.forEach((word, index) => id.writeUInt32LE(word, index * 4));
  return id;
}

describe('a set of call ids', () => {
  it('answers as a set of strings does, whatever the ids', () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 511, 512, 0xffffffff), fc.nat(0xffffffff));
    const id = fc.tuple(word, word, word, word);
    fc.assert(
      fc.property(fc.array(id, { maxLength: 2_000, size: 'max' }), (given) => {
        const ids = new CallIds();
        const names = new Set<string>();
        for (const words of given) {
          const name = words.join();
          expect(ids.has(idOf(...words))).toBe(names.has(name));
          expect(ids.add(idOf(...words))).toBe(!names.has(name));
          names.add(name);
        }
        expect(ids.size).toBe(names.size);
        expect(given.every((words) => ids.has(idOf(...words)))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it.each([0, 40_000])('keeps every id while it grows, from room for %i', (room) => {
    const ids = new CallIds(room);
    const given = Array.from({ length: 20_000 }, (_, n) => idOf(Math.imul(n, 0x9e3779b1) >>> 0, n, 0, 0));
    expect(given.every((id) => ids.add(id))).toBe(true);
    expect(given.some((id) => ids.add(id))).toBe(false);
    expect(ids.size).toBe(20_000);
  });

  it('keeps ids apart that a peer has chosen to lie in one place, and is not slowed by them', () => {
    const ids = new CallIds();
    const chosen = crowd(60_000);
    const began = process.cpuUsage();
    expect(chosen.every((id) => ids.add(id))).toBe(true);
    expect(chosen.some((id) => ids.add(id))).toBe(false);
    // Compared with each other they would be 4e9 looks at memory.
    expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
    expect(ids.has(idOf(7, 0, 1, 0))).toBe(false);
  });

  it('takes an id of zeros for one like any other', () => {
    const ids = new CallIds();
    const zeros = new Uint8Array(16);
    expect([ids.has(zeros), ids.add(zeros), ids.has(zeros), ids.add(zeros)]).toEqual([false, true, true, false]);
  });
});

describe('the calls seen lately', () => {
  it.each([
    ['random', Array.from({ length: 12 }, (_, n) => idOf(n * 97, n, n, n))],
    ['chosen', crowd(12)],
  ])('are remembered for at least as many calls as the window holds: %s ids', (_name, ids) => {
    const seen = new SeenCalls(0, { maxCalls: 4, windowMs: 1_000 });
    const [first, ...others] = ids as [Uint8Array, ...Uint8Array[]];
    expect(seen.add(first, 0)).toBe(true);
    for (const id of others.slice(0, 4)) {
      expect(seen.add(id, 0)).toBe(true);
      expect(seen.add(first, 0)).toBe(false);
    }
    for (const id of others.slice(4, 9)) seen.add(id, 0);
    expect(seen.add(first, 0)).toBe(true);
  });

  it('are remembered as long as the window is, and forgotten in the next but one', () => {
    const seen = new SeenCalls(0, { maxCalls: 100, windowMs: 1_000 });
    const [first, second, third] = crowd(3) as [Uint8Array, Uint8Array, Uint8Array];
    expect(seen.add(first, 0)).toBe(true);
    expect(seen.add(first, 1_000)).toBe(false);
    expect(seen.add(second, 1_001)).toBe(true);
    expect(seen.add(first, 2_000)).toBe(false);
    expect(seen.add(third, 2_002)).toBe(true);
    expect(seen.add(first, 2_003)).toBe(true);
    expect(seen.add(second, 2_003)).toBe(false);
  });
});
