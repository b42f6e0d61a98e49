/** What is searched: a name counts for more than the words about it. */
export interface Searchable {
  readonly name: string;
  readonly about: string;
}

const NAME_WEIGHT = 3;
/** BM25's usual constants: how soon repetition stops counting, and how much a long text is held against itself. */
const SATURATION = 1.2;
const LENGTH_PENALTY = 0.75;
const MAX_QUERY_WORDS = 32;

interface Document<Item> {
  readonly item: Item;
  readonly counts: ReadonlyMap<string, number>;
  readonly length: number;
}

/** A full-text index of a few hundred short texts. The same items in the same order always rank the same. */
export class SearchIndex<Item extends Searchable> {
  readonly #documents: readonly Document<Item>[];
  readonly #holding = new Map<string, number>();
  readonly #meanLength: number;

  constructor(items: readonly Item[]) {
    this.#documents = items.map(documentOf);
    for (const { counts } of this.#documents) {
      for (const word of counts.keys()) this.#holding.set(word, (this.#holding.get(word) ?? 0) + 1);
    }
    const total = this.#documents.reduce((sum, { length }) => sum + length, 0);
    this.#meanLength = Math.max(1, total / Math.max(1, items.length));
  }

  /** The items that hold a word of `query`, the best first; of equals the earlier one. */
  search(query: string): Item[] {
    const words = [...new Set(wordsOf(query))].slice(0, MAX_QUERY_WORDS);
    return this.#documents
      .map((document) => ({ item: document.item, score: this.#score(document, words) }))
      .filter(({ score }) => score > 0)
      .sort((one, other) => other.score - one.score)
      .map(({ item }) => item);
  }

  #score({ counts, length }: Document<Item>, words: readonly string[]): number {
    const penalty = SATURATION * (1 - LENGTH_PENALTY + (LENGTH_PENALTY * length) / this.#meanLength);
    let score = 0;
    for (const word of words) {
      const count = counts.get(word);
      if (count === undefined) continue;
      const holding = this.#holding.get(word) ?? 0;
      const rarity = Math.log(1 + (this.#documents.length - holding + 0.5) / (holding + 0.5));
      score += (rarity * count * (SATURATION + 1)) / (count + penalty);
    }
    return score;
  }
}

function documentOf<Item extends Searchable>(item: Item): Document<Item> {
  const counts = new Map<string, number>();
  const add = (words: readonly string[], weight: number): number => {
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + weight);
    return words.length * weight;
  };
  const length = add(wordsOf(item.name), NAME_WEIGHT) + add(wordsOf(item.about), 1);
  return { item, counts, length };
}

/** Words in lower case without their commonest English endings; `readFile`, `read_file` and `Reads files` share theirs. */
export function wordsOf(text: string): string[] {
  const words = text
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu);
  return (words ?? []).map(stem);
}

function stem(word: string): string {
  if (word.length < 4) return word;
  const bare = word.replace(/(?:ies|y)$/, 'i').replace(/(?:sses)$/, 'ss');
  const singular = bare.endsWith('s') && !bare.endsWith('ss') ? bare.slice(0, -1) : bare;
  const root = singular.replace(/(?:ing|ed)$/, '');
  return (root.length < 3 ? singular : root).replace(/e$/, '');
}
