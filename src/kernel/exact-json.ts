import { sha256Hex } from './hash.ts';
import { jsonStringEnd, QUOTE } from './json-string-end.ts';

/** The part of ECMAScript's JSON.parse source text access that TypeScript does not know yet. */
const json = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/**
 * Where a number may stand that a double cannot hold; other text is parsed at full speed. The sixteen are spelled out, since V8 skips ahead
 * by what it knows of the next characters, and does not look into `{16}`: a fifth of the time.
 */
const SUSPECT = new RegExp(`${'[\\d.]'.repeat(16)}|[\\d.][eE][+-]?\\d\\d`);
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** So many digits every double gives back as they were, as long as it is neither too large nor too small for all of its bits. */
const SURE_DIGITS = 15;
const SURE_EXPONENT = 2;
const SMALLEST_SURE = 1e-300;

const ZERO = 48;
const NINE = 57;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const COLON = 58;

interface Kept {
  readonly start: number;
  readonly end: number;
}

/**
 * The value of a JSON text that is to be written again. A number that a double would change (an int64 id, 1e400) becomes an opaque
 * object that JSON.stringify writes as it stood; to any check that wants a number it is none. Throws SyntaxError as JSON.parse does, and
 * RangeError where there are more than `most` such numbers: each costs as much as a hundred bytes of other text.
 */
export function parseExactJson(text: string, most: number = Number.POSITIVE_INFINITY): unknown {
  if (!SUSPECT.test(text)) return JSON.parse(text);
  const kept = changedNumbers(text, most);
  if (kept.length > most) throw new RangeError('more numbers than are kept as they are written');
  return kept.length === 0 ? JSON.parse(text) : parsedWith(kept, text);
}

/** The double nearest to a number kept by `parseExactJson`; undefined for anything else. */
export function nearestDouble(value: object): number | undefined {
  return json.isRawJSON(value) ? Number(JSON.stringify(value)) : undefined;
}

/** Where the numbers stand that a double would change, in their order; of more than `most` the first ones. */
function changedNumbers(text: string, most: number): Kept[] {
  const kept: Kept[] = [];
  for (let at = 0; at < text.length && kept.length <= most; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = jsonStringEnd(text, at);
      continue;
    }
    if (code !== MINUS && !(code >= ZERO && code <= NINE)) continue;
    const start = at;
    let digits = 0;
    let exponent = -1;
    for (let next = code; ; next = text.charCodeAt(++at)) {
      if (next >= ZERO && next <= NINE) {
        if (exponent < 0) digits += 1;
        else exponent += 1;
      } else if (next === 101 || next === 69) exponent = 0;
      else if (next !== POINT && next !== MINUS && next !== PLUS) break;
    }
    const isSure = digits <= SURE_DIGITS && exponent <= SURE_EXPONENT;
    if (!isSure && isKept(text, { start, end: at }, digits)) kept.push({ start, end: at });
    at -= 1;
  }
  return kept;
}

/** A name of a member is no number, nor is what no JSON text may hold: what has them is left to JSON.parse as it is. */
function isKept(text: string, { start, end }: Kept, digits: number): boolean {
  const source = text.slice(start, end);
  const value = Number(source);
  if (digits <= SURE_DIGITS && Number.isFinite(value) && Math.abs(value) > SMALLEST_SURE) return false;
  if (!NUMBER.test(source) || !isChanged(value, source)) return false;
  let next = end;
  while (' \t\n\r'.includes(text.charAt(next)) && next < text.length) next += 1;
  return text.charCodeAt(next) !== COLON;
}

/**
 * JSON.parse with a reviver would do, and takes a microsecond for every value of the text. So each number goes through it as a string
 * that no text can hold, since it names the text's own digest, and is put back afterwards.
 */
function parsedWith(kept: readonly Kept[], text: string): unknown {
  const mark = sha256Hex(text).slice(0, 32);
  const parts: string[] = [];
  let from = 0;
  kept.forEach(({ start, end }, number) => {
    parts.push(text.slice(from, start), `"${mark}${number}"`);
    from = end;
  });
  parts.push(text.slice(from));
  const numberOf = (value: string): object | undefined => {
    if (value.length <= mark.length || !value.startsWith(mark)) return undefined;
    const { start, end } = kept[Number(value.slice(mark.length))] as Kept;
    return json.rawJSON(text.slice(start, end));
  };
  const value: unknown = JSON.parse(parts.join(''));
  return typeof value === 'string' ? (numberOf(value) ?? value) : putBack(value as object, numberOf);
}

/** Without recursion: what is parsed may be of any depth. */
function putBack(root: object, numberOf: (value: string) => object | undefined): object {
  const open: object[] = [root];
  const look = (value: unknown): object | undefined => {
    if (typeof value === 'string') return numberOf(value);
    if (typeof value === 'object' && value !== null) open.push(value);
    return undefined;
  };
  for (let here = open.pop(); here !== undefined; here = open.pop()) {
    const members = here as Record<string, unknown>;
    if (Array.isArray(here)) {
      for (let index = 0; index < here.length; index += 1) here[index] = look(here[index]) ?? here[index];
    } else {
      for (const name of Object.keys(members)) {
        const number = look(members[name]);
        if (number !== undefined) members[name] = number;
      }
    }
  }
  return root;
}

function isChanged(value: number, source: string): boolean {
  const spelled = String(value);
  return spelled !== source && (!Number.isFinite(value) || significant(spelled) !== significant(source));
}

/** The digits that matter: without sign, point, exponent, and the zeros at both ends. In steps, since it may have millions of them. */
function significant(number: string): string {
  const digits = (number.split(/[eE]/, 1)[0] ?? '').replaceAll(/[-.]/g, '');
  let from = 0;
  let to = digits.length;
  while (digits.charCodeAt(from) === ZERO) from += 1;
  while (to > from && digits.charCodeAt(to - 1) === ZERO) to -= 1;
  return digits.slice(from, to);
}
