import type { ParameterKind } from './parameter-kind.ts';

const LONGEST = 256;
const PLACES = 1_024;

/**
 * Ids and paths come again and again: what was read and found clean is not read again. Each value has one place, and the newest one
 * keeps it. A cache, and bounded; it changes no answer.
 */
export class CleanValues {
  readonly #values = new Map<ParameterKind, string[]>();

  knows(value: string, kind: ParameterKind): boolean {
    return this.#values.get(kind)?.[placeOf(value)] === value;
  }

  add(value: string, kind: ParameterKind): void {
    if (value.length > LONGEST) return;
    let values = this.#values.get(kind);
    if (values === undefined) {
      values = Array.from({ length: PLACES }, () => '');
      this.#values.set(kind, values);
    }
    values[placeOf(value)] = value;
  }
}

/** By a few characters: a new text of any length costs no hash of the whole. */
function placeOf(value: string): number {
  const { length } = value;
  if (length === 0) return 0;
  let place = length;
  for (const at of [0, length >> 2, length >> 1, length - 3, length - 2, length - 1]) {
    place = Math.imul(place ^ (at < 0 ? 0 : value.charCodeAt(at)), 0x01000193);
  }
  return ((place >>> 16) ^ place) & (PLACES - 1);
}
