import { cosine, embed } from './embedding.ts';
import { sentencesOf } from './tokens.ts';

const DIMENSIONS = 256;
const DAMPING = 0.85;
const ROUNDS = 30;
/** Similarity grows with the square of the number of sentences. */
export const MAX_SENTENCES = 500;

export interface Sentence {
  /** Its place in the text, from 0. */
  readonly index: number;
  readonly text: string;
  /** Its share of the text's importance; all of them add up to 1. */
  readonly score: number;
}

/**
 * The `count` sentences that the others resemble most (TextRank over lexical embeddings), in the order of the text. Extractive: every
 * sentence is one of the text. undefined: the text has over 500 sentences.
 */
export function summarise(text: string, count: number): readonly Sentence[] | undefined {
  const sentences = sentencesOf(text);
  if (sentences.length > MAX_SENTENCES) return undefined;
  const scores = rank(sentences.map((sentence) => embed(sentence, DIMENSIONS)));
  return sentences
    .map((sentence, index) => ({ index, text: sentence, score: Math.round((scores[index] as number) * 1e6) / 1e6 }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count)
    .sort((a, b) => a.index - b.index);
}

function rank(vectors: readonly (readonly number[])[]): number[] {
  const weights = vectors.map((one, row) =>
    vectors.map((other, column) => (row === column ? 0 : Math.max(0, cosine(one, other)))),
  );
  const sums = weights.map((row) => row.reduce((sum, weight) => sum + weight, 0));
  const even = 1 / Math.max(1, vectors.length);
  let scores = vectors.map(() => even);
  for (let round = 0; round < ROUNDS; round++) {
    // What resembles nothing passes its score on to all alike.
    const loose = scores.reduce((sum, score, at) => (sums[at] === 0 ? sum + score : sum), 0) * even;
    scores = scores.map((_, at) => {
      let got = 0;
      for (const [from, row] of weights.entries()) {
        const sum = sums[from] as number;
        if (sum > 0) got += ((row[at] as number) / sum) * (scores[from] as number);
      }
      return (1 - DAMPING) * even + DAMPING * (got + loose);
    });
  }
  return scores;
}
