import { sentencesOf, wordsOf } from './tokens.ts';

export interface Document {
  readonly id: string;
  readonly text: string;
}

export interface Match {
  readonly id: string;
  /** BM25; comparable within one answer only. */
  readonly score: number;
  /** The sentence that holds most of the query's words. */
  readonly excerpt: string;
}

const SATURATION = 1.2;
const LENGTH_SHARE = 0.75;
const MAX_EXCERPT = 400;

/** Finds documents by the words they share with a question (BM25). Knows no synonyms. */
export class DocumentIndex {
  readonly #documents: readonly Document[];
  readonly #counts: readonly ReadonlyMap<string, number>[];
  readonly #lengths: readonly number[];
  readonly #holding = new Map<string, number>();

  constructor(documents: readonly Document[]) {
    this.#documents = documents;
    const words = documents.map((document) => wordsOf(document.text));
    this.#lengths = words.map((all) => all.length);
    this.#counts = words.map(countsOf);
    for (const counts of this.#counts) {
      for (const word of counts.keys()) this.#holding.set(word, (this.#holding.get(word) ?? 0) + 1);
    }
  }

  get size(): number {
    return this.#documents.length;
  }

  /** The best first; only documents that hold a word of the question. */
  query(question: string, limit: number): readonly Match[] {
    const asked = [...new Set(wordsOf(question))];
    const mean = this.#lengths.reduce((sum, one) => sum + one, 0) / Math.max(1, this.size);
    return this.#documents
      .map(({ id, text }, at) => ({ id, text, score: this.#score(at, asked, mean) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id, text, score }) => ({ id, score: Math.round(score * 1e4) / 1e4, excerpt: excerptOf(text, asked) }));
  }

  #score(at: number, asked: readonly string[], mean: number): number {
    const counts = this.#counts[at] as ReadonlyMap<string, number>;
    const length = 1 - LENGTH_SHARE + LENGTH_SHARE * ((this.#lengths[at] as number) / Math.max(1, mean));
    let score = 0;
    for (const word of asked) {
      const count = counts.get(word) ?? 0;
      const holding = this.#holding.get(word) ?? 0;
      const rarity = Math.log(1 + (this.size - holding + 0.5) / (holding + 0.5));
      score += (rarity * count * (SATURATION + 1)) / (count + SATURATION * length);
    }
    return score;
  }
}

function countsOf(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function excerptOf(text: string, asked: readonly string[]): string {
  let best = '';
  let most = -1;
  for (const sentence of sentencesOf(text)) {
    const words = new Set(wordsOf(sentence));
    const held = asked.filter((word) => words.has(word)).length;
    if (held > most) [best, most] = [sentence, held];
  }
  return best.slice(0, MAX_EXCERPT);
}
