import { wordsOf } from './tokens.ts';

/** Names what the vectors mean: those of another name must not be compared with these. */
export const EMBEDDING_MODEL = 'lexical-hash-1';

const WORD = 1;
const PAIR = 0.5;
const TRIGRAM = 0.3;

/**
 * A lexical embedding by feature hashing: words, pairs of neighbouring words and the letter trigrams of words, each weighted by
 * 1 + ln(count), added with a hashed sign at a hashed place, and the whole brought to length 1. Texts that share spellings are near each
 * other; it knows nothing of meaning. Deterministic on every machine, to 6 decimals. A text without words has the zero vector.
 */
export function embed(text: string, dimensions: number): number[] {
  const counts = new Map<string, { count: number; weight: number }>();
  const add = (feature: string, weight: number): void => {
    const entry = counts.get(feature);
    if (entry === undefined) counts.set(feature, { count: 1, weight });
    else entry.count += 1;
  };
  const words = wordsOf(text);
  for (const [index, word] of words.entries()) {
    add(`w ${word}`, WORD);
    const next = words[index + 1];
    if (next !== undefined) add(`p ${word} ${next}`, PAIR);
    const framed = `_${word}_`;
    for (let at = 0; at + 3 <= framed.length; at++) add(`t ${framed.slice(at, at + 3)}`, TRIGRAM);
  }
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const [feature, { count, weight }] of counts) {
    const hash = hash32(feature);
    const place = (hash >>> 1) % dimensions;
    vector[place] = (vector[place] as number) + (hash & 1 ? 1 : -1) * weight * (1 + Math.log(count));
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => Math.round((value / length) * 1e6) / 1e6);
}

export function cosine(first: readonly number[], second: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < first.length; at++) sum += (first[at] as number) * (second[at] as number);
  return sum;
}

/** FNV-1a over UTF-16 code units, with a final mix so that the low bits depend on all of them. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
