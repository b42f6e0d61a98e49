import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesOf, foldersOf, ROOT } from './sources.ts';

/** Shared by all protocols; no protocol itself. */
const SHARED = ['wire'];
const FIVE = ['README.md', 'schema.ts', 'handler.ts', 'client.ts', 'vectors.json'];

const protocols = foldersOf('protocols').filter((name) => !SHARED.includes(name));
const readmes = filesOf('protocols', 'README.md');
const tests = filesOf('test', '.test.ts');

/** Rules that a README states, for its own folder. */
const written = new Set(
  readmes.flatMap((readme) => {
    const folder = readme.path.split('/')[1] ?? '';
    return [...readme.text.matchAll(/\b([a-z-]+)\/R(\d+)\b/g)]
      .filter((match) => match[1] === folder)
      .map((match) => match[0]);
  }),
);
const cited = new Map(
  tests.flatMap((source) =>
    [...source.text.matchAll(/\bverifies\(\s*['"`]([^'"`]+)['"`]/g)].map(
      (match) => [match[1] ?? '', source.path] as const,
    ),
  ),
);

describe('protocols', () => {
  test('the walk finds protocols, rules and citations', () => {
    expect(protocols.length).toBeGreaterThan(2);
    expect(written.size).toBeGreaterThan(5);
    expect(cited.size).toBeGreaterThan(5);
  });

  test.each(protocols)('%s has the five files', (name) => {
    expect(FIVE.filter((file) => !existsSync(join(ROOT, 'protocols', name, file)))).toEqual([]);
  });

  test('each rule is cited by a test', () => {
    expect([...written].filter((rule) => !cited.has(rule)).sort()).toEqual([]);
  });

  test('each citation is of a rule that somebody wrote', () => {
    expect([...cited].filter(([rule]) => !written.has(rule)).map(([rule, path]) => `${path} cites ${rule}`)).toEqual(
      [],
    );
  });

  test('rules of one protocol are numbered without a gap', () => {
    for (const name of protocols) {
      const numbers = [...written]
        .filter((rule) => rule.startsWith(`${name}/R`))
        .map((rule) => Number(rule.split('/R')[1]));
      expect(
        numbers.sort((a, b) => a - b),
        name,
      ).toEqual(numbers.map((_, index) => index + 1));
    }
  });

  test('the table of protocols names each of them', () => {
    const table = readmes.find((readme) => readme.path === 'protocols/README.md')?.text ?? '';
    expect(protocols.filter((name) => !table.includes(`](${name}/README.md)`))).toEqual([]);
  });
});
