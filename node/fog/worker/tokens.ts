const WORD = /[\p{L}\p{N}]+/gu;

/** The words of a text in lower case, compatibility forms made one. */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
}

/** Its sentences, as Unicode divides them, without those that hold no word. */
export function sentencesOf(text: string): string[] {
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  return [...segmenter.segment(text)]
    .map(({ segment }) => segment.trim().replace(/\s+/g, ' '))
    .filter((sentence) => wordsOf(sentence).length > 0);
}
