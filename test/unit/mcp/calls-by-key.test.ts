import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallsByKey } from '../../../protocols/mcp/calls-by-key.ts';

// Keys that fall on the same few places of a table of any size, among others.
const key = fc.oneof(
  fc.nat(3).map((n) => n * 2 ** 16),
  fc.nat(3).map((n) => 63 + n * 64),
  fc.nat(300),
  fc.nat(0xffffffff),
  fc.constant(0xffffffff),
);

describe('calls by key', () => {
  it('are found, and gone, as in a Map, whatever their keys', () => {
    const step = fc.tuple(fc.constantFrom('add', 'delete', 'delete'), key);
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 300, size: 'max' }),
        fc.array(step, { maxLength: 300, size: 'max' }),
        (first, steps) => {
          const calls = new CallsByKey<{ readonly key: number }>();
          const model = new Map<number, { readonly key: number }>();
          for (const [what, of] of [...first.map((one) => ['add', one] as const), ...steps]) {
            expect(calls.get(of)).toBe(model.get(of));
            if (what === 'delete') {
              calls.delete(of);
              model.delete(of);
            } else if (!model.has(of)) {
              const call = { key: of };
              calls.add(call);
              model.set(of, call);
            }
            expect([calls.size, calls.has(of)]).toEqual([model.size, model.has(of)]);
          }
          for (const [known, call] of model) expect(calls.get(known)).toBe(call);
          expect(new Set(calls.all())).toEqual(new Set(model.values()));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are in no need of more room, however many come and go', () => {
    const calls = new CallsByKey<{ readonly key: number }>();
    for (let turn = 0; turn < 100_000; turn += 1) {
      calls.add({ key: turn });
      if (turn >= 20) calls.delete(turn - 20);
    }
    expect(
      calls
        .all()
        .map((call) => call.key)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 20 }, (_, n) => 99_980 + n));
  });
});
