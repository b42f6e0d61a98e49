import type { Hint } from './finding.ts';

/** What stands behind an encoding, and whether the encoding itself is odd. */
export interface Disguise {
  readonly text: string;
  /** 0 to 1: how odd it is that the value is written so. */
  readonly odd: number;
}

const TAGS = /[\u{E0020}-\u{E007E}]/gu;
const TAG_FLAG = 7;
const MANY_TAGS = 8;
// biome-ignore lint/suspicious/noMisleadingCharacterClass: each of them is looked for alone
const INVISIBLE = /[\u200B-\u200D\u2060\uFEFF\u00AD\u180E]/g;
const REVERSING = /[\u202D\u202E\u2066-\u2069]/;
const WHOLE_BASE64 = /^[\w+/-]{16,}={0,2}$/;
const WHOLE_HEX = /^(?:0x|\\x)?[0-9a-f]{24,}$/i;
const ESCAPED: Hint = {
  pattern:
    /%[0-9a-f]{2}|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|&#[xX]?[0-9a-f]{1,7};?|&(?:lt|gt|quot|amp|apos|colon|lpar|rpar|tab|newline);/i,
};
const BEYOND_ASCII: Hint = { pattern: /[\x80-\uffff]/ };
const TOLD_BASE64: Hint = { pattern: /base64|decod/i };
const ROTATED: Hint = { pattern: /\brot-?13\b|\b(?:vtaber|cerivbhf|vafgehpgvbaf?)\b/i };
const REVERSED: Hint = { pattern: /\b(?:snoitcurtsni|suoiverp|tpmorp|erongi|drowssap)\b/i };
/** So has every word of `DIGIT_IN_WORD`. */
const DIGIT_BY_LETTER: Hint = { pattern: /[a-z][013457@$]|[013457@$][a-z]/i };
/** What says that a value may be read otherwise. */
export const DISGUISED: readonly Hint[] = [ESCAPED, BEYOND_ASCII, TOLD_BASE64, ROTATED, REVERSED, DIGIT_BY_LETTER];
const MIXED_WORD = /[a-z][\u0430-\u0456\u03b1-\u03c9]|[\u0430-\u0456\u03b1-\u03c9][a-z]/i;
const LATIN: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from('аеорсухіјѕԁһοανкАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ').map((letter, at) => [
    letter,
    'aeopcyxijsdhoavkABEKMHOPCTXIJSABEZHIKMNOPTYX'[at] ?? letter,
  ]),
);
const LOOKALIKE = /[аеорсухіјѕԁһοανкАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ]/g;
const SPACED = /(?:\b\w ){8}/;
const SPACED_RUN = /(?:\w {1,4}){8,400}\w?/g;
const PICKED_APART = /(?:[a-z ][|*_~.-]){8}/i;
const BASE64_PIECE = /[A-Za-z0-9+/]{24,4096}={0,2}/g;
const DIGIT_IN_WORD = /\b(?=\w{0,12}[a-z]{2})(?:[a-z]{0,12}[013457@$]){1,6}[a-z]{0,12}\b|\b\d[a-z]\d\b/gi;
const MANY_DIGIT_WORDS = 4;
const LETTER: Readonly<Record<string, string>> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's' };
const LAYERS = 3;
const LONGEST_ENCODED = 16_384;

/** Every other way to read a value; nothing for a plain one. `candidates`: what may match this value. */
export function disguises(value: string, candidates: readonly { readonly rule: Hint }[]): Disguise[] {
  const found: Disguise[] = [];
  const has = (hint: Hint) => candidates.some(({ rule }) => rule === hint) && hint.pattern.test(value);
  const add = (text: string, odd: number) => {
    if (text !== value && text.length > 0) found.push({ text, odd });
  };
  if (has(BEYOND_ASCII)) {
    const tags = value.match(TAGS);
    if (tags !== null && tags.length >= TAG_FLAG) {
      const hidden = tags.map((tag) => String.fromCharCode((tag.codePointAt(0) ?? 0) - 0xe0000)).join('');
      add(hidden, tags.length > MANY_TAGS ? 0.9 : 0.3);
    }
    const invisible = value.match(INVISIBLE)?.length ?? 0;
    const plain = value.normalize('NFKC').replace(INVISIBLE, '');
    add(plain, REVERSING.test(value) ? 0.45 : invisible > 8 ? 0.3 : 0);
    if (REVERSING.test(value)) add(Array.from(plain).reverse().join(''), 0.45);
    // Letters of two alphabets in one word are there to be mistaken for one.
    if (MIXED_WORD.test(plain))
      add(
        plain.replace(LOOKALIKE, (letter) => LATIN[letter] ?? letter),
        0.4,
      );
  }
  if (has(ESCAPED)) {
    let text = value.slice(0, LONGEST_ENCODED);
    for (let layer = 0; layer < LAYERS; layer += 1) {
      const next = unescape(text);
      if (next === text) break;
      text = next;
      add(text, layer > 0 ? 0.4 : 0);
    }
  }
  if (value.length <= LONGEST_ENCODED) {
    if (WHOLE_BASE64.test(value)) addReadable(Buffer.from(value, 'base64').toString('latin1'), add);
    if (WHOLE_HEX.test(value))
      addReadable(Buffer.from(value.replace(/^(?:0x|\\x)/i, ''), 'hex').toString('latin1'), add);
  }
  if (value.length <= LONGEST_ENCODED) {
    if (SPACED.test(value))
      add(
        value.replace(SPACED_RUN, (run) => run.replace(/(\S) (?=\S)/g, '$1').replace(/ {2,}/g, ' ')),
        0.4,
      );
    if (PICKED_APART.test(value)) add(value.replace(/([\w ])[|*_~.-](?=[\w ])/g, '$1'), 0.4);
    if (has(TOLD_BASE64))
      for (const [piece] of value.matchAll(BASE64_PIECE))
        addReadable(Buffer.from(piece, 'base64').toString('latin1'), (text) => add(text, 0.4));
    if (has(DIGIT_BY_LETTER) && (value.match(DIGIT_IN_WORD)?.length ?? 0) >= MANY_DIGIT_WORDS)
      add(
        value.replace(/[013457@$]/g, (digit) => LETTER[digit] ?? digit),
        0.3,
      );
    if (has(ROTATED)) add(value.replace(/[a-z]/gi, rotated), 0.3);
    if (has(REVERSED)) add(Array.from(value).reverse().join(''), 0.45);
  }
  if (value.includes('/*')) add(value.slice(0, LONGEST_ENCODED).replace(/\/\*[^*]{0,80}\*\//g, ''), 0.1);
  if (value.includes('+')) add(value.slice(0, LONGEST_ENCODED).replaceAll('+', ' '), 0);
  return found;
}

function rotated(letter: string): string {
  const code = letter.charCodeAt(0);
  const first = code >= 97 ? 97 : 65;
  return String.fromCharCode(((code - first + 13) % 26) + first);
}

function addReadable(text: string, add: (text: string, odd: number) => void): void {
  // Random bytes are no message: what decodes to print was put there to be read.
  if (/^[\t\n\r\x20-\x7e]{8,}$/.test(text)) add(text, 0.2);
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  amp: '&',
  apos: "'",
  colon: ':',
  lpar: '(',
  rpar: ')',
  tab: '\t',
  newline: '\n',
};

function unescape(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})|\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|&#x([0-9a-f]{1,7});?/gi, (_all, ...parts: string[]) =>
      character(Number.parseInt(parts.slice(0, 4).find((part) => part !== undefined) ?? '', 16)),
    )
    .replace(/&#(\d{1,7});?/g, (_all, digits: string) => character(Number.parseInt(digits, 10)))
    .replace(/&(\w{2,7});/g, (all, name: string) => ENTITIES[name.toLowerCase()] ?? all);
}

function character(code: number): string {
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}
