import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/process-node.ts';

/** Every string, and the text of every object, in the frozen vectors of a protocol. */
export function samplesOf(protocol: string): readonly string[] {
  const found: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') found.push(value);
    if (typeof value !== 'object' || value === null) return;
    found.push(JSON.stringify(value));
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(JSON.parse(readFileSync(join(ROOT, 'protocols', protocol, 'vectors.json'), 'utf8')));
  return found;
}

const ODD_VALUES: readonly unknown[] = [
  ...[null, true, 0, -0, -1, 1e308, 2 ** 53, 0.1, '', ' ', '\0', '\ud800', 'é', '__proto__', 'constructor'],
  ...[[], {}, [[]], [null], { __proto__: null }, { length: 1e9 }, { toString: 1 }, 'x'.repeat(5000)],
];
const ODD_TEXTS: readonly string[] = [
  ...['', '\0', '\n', '"', '\\', '{', '}', '[', ']', ',', ':', '\ufeff', '\u2028', '1e999', '-', 'null', '"\\ud800"'],
  ...['{"__proto__":1}', '['.repeat(300), '{"a":'.repeat(300), '.', '=', '%', '\r\n\r\n', '0\r\n\r\n'],
];

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const cut = fc.record({
  at: place,
  over: fc.nat(8),
  put: fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ maxLength: 6 })),
});

/** Texts like `samples`, with up to a few places changed; now and then anything at all. */
export function spoiltText(samples: readonly string[]): fc.Arbitrary<string> {
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.array(cut, { minLength: 0, maxLength: 3 }), place, fc.boolean())
    .map(([sample, cuts, end, isCut]) => {
      let text = isCut ? sample.slice(0, Math.floor(end * sample.length)) : sample;
      for (const { at, over, put } of cuts) {
        const from = Math.floor(at * text.length);
        text = text.slice(0, from) + put + text.slice(from + over);
      }
      return text;
    });
  return fc.oneof({ weight: 6, arbitrary: changed }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) });
}

/** JSON like one of `values`, with a member somewhere taken away, added or made something odd. */
export function spoiltJson(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const odd = fc.oneof(fc.constantFrom(...ODD_VALUES), fc.jsonValue({ maxDepth: 3 }));
  const how = fc.constantFrom('replace', 'remove', 'add', 'wrap', 'leave');
  return fc.tuple(fc.constantFrom(...values), place, how, odd).map(([value, at, change, put]) => {
    const copy = structuredClone(value);
    const spots = spotsIn(copy);
    const spot = spots[Math.floor(at * spots.length)];
    if (spot === undefined) return put;
    const [holder, key] = spot;
    if (change === 'replace') holder[key] = put;
    if (change === 'remove') delete holder[key];
    if (change === 'add') holder['extra'] = put;
    if (change === 'wrap') holder[key] = [holder[key], put];
    return copy;
  });
}

function spotsIn(value: unknown): (readonly [Record<string, unknown>, string])[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [[holder, key] as const, ...spotsIn(holder[key])]);
}

/** Bytes in pieces as a network might cut them. */
export function piecesOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

export const cuts = fc.array(place, { maxLength: 4 });
