import { describe, expect, test } from 'vitest';
import { SearchIndex, wordsOf } from '../../../src/routing/index.ts';

const items = [
  { name: 'filesystem__read_text_file', about: 'Read the complete contents of a file as text' },
  { name: 'filesystem__write_file', about: 'Create a new file or completely overwrite an existing file' },
  { name: 'filesystem__list_directory', about: 'Get a detailed listing of all files and directories in a path' },
  { name: 'memory__create_entities', about: 'Create multiple new entities in the knowledge graph' },
  { name: 'memory__search_nodes', about: 'Search for nodes in the knowledge graph based on a query' },
  { name: 'everything__get-sum', about: 'Returns the sum of two numbers' },
];
const found = (query: string): string[] => new SearchIndex(items).search(query).map(({ name }) => name);

describe('a search', () => {
  test.each([
    ['read a file', 'filesystem__read_text_file'],
    ['add two numbers sum', 'everything__get-sum'],
    ['knowledge graph search', 'memory__search_nodes'],
    ['creating entities', 'memory__create_entities'],
    ['directories', 'filesystem__list_directory'],
    ['getSum', 'everything__get-sum'],
    ['filesystem__write_file', 'filesystem__write_file'],
  ])('for “%s” finds %s first', (query, name) => {
    expect(found(query)[0]).toBe(name);
  });

  test('finds nothing that shares no word with the query', () => {
    expect(found('weather')).toEqual([]);
    expect(found('')).toEqual([]);
    expect(found('?!…')).toEqual([]);
    expect(new SearchIndex([]).search('file')).toEqual([]);
  });

  test('takes a word in a name for more than the same in a description', () => {
    const both = [
      { name: 'a', about: 'echo' },
      { name: 'echo', about: 'a' },
    ];
    expect(new SearchIndex(both).search('echo').map(({ name }) => name)).toEqual(['echo', 'a']);
  });

  test('takes a rare word for more than a common one', () => {
    expect(found('new graph')[0]).toBe('memory__create_entities');
    expect(found('file overwrite')[0]).toBe('filesystem__write_file');
  });

  test('leaves equals in their order', () => {
    const same = ['c', 'a', 'b'].map((name) => ({ name, about: 'same words' }));
    expect(new SearchIndex(same).search('words').map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  });

  test('is not thrown off by names of object members, or by a very long query', () => {
    expect(found('constructor __proto__ hasOwnProperty')).toEqual([]);
    expect(found('file '.repeat(100_000))).toHaveLength(3);
  });
});

test.each([
  ['readFile', ['read', 'fil']],
  ['read_files', ['read', 'fil']],
  ['Reading FILES, queries & a query', ['read', 'fil', 'queri', 'a', 'queri']],
  ['Größe 日本語', ['größ', '日本語']],
  ['classes process sing', ['class', 'process', 'sing']],
])('the words of “%s”', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});
