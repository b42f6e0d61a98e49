import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesOf, foldersOf, placesOf, RINGS } from './sources.ts';

const sources = RINGS.flatMap((ring) => filesOf(ring, '.ts'));
const MAX_LINES = 300;

/** Names that say nothing about what is inside. */
const DRAWER = /(?:^|[-/])(?:utils?|helpers?|common|misc|manager|impl)(?:[-./]|$)|-service\.ts$/;
const UNFINISHED = /\b(?:TODO|FIXME|XXX)\b|not implemented|\bfor now\b/i;
const ELSEWHERE = /(?:^|[\s'"`(])\/(?:work|root|Users|home)\/[a-z]/;

describe('the shape of the sources', () => {
  test('the walk finds them', () => {
    expect(sources.length).toBeGreaterThan(30);
  });

  test(`no file is over ${MAX_LINES} lines`, () => {
    const long = sources
      .map((source) => [source.path, source.text.split('\n').length - 1] as const)
      .filter(([, lines]) => lines > MAX_LINES);
    expect(long.map(([path, lines]) => `${path} has ${lines} lines: look for the seam`)).toEqual([]);
  });

  test('names are kebab-case and say what is inside', () => {
    const odd = sources.filter(
      (source) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.d)?\.ts$/.test(basename(source.path)) || DRAWER.test(source.path),
    );
    expect(odd.map((source) => source.path)).toEqual([]);
  });

  test('nothing is left unfinished or points at one machine', () => {
    const words = sources.flatMap((source) =>
      source.text
        .split('\n')
        .flatMap((line, index) =>
          UNFINISHED.test(line) || ELSEWHERE.test(line) ? [`${source.path}:${index + 1} ${line.trim()}`] : [],
        ),
    );
    expect(words).toEqual([]);
  });

  test('no error is recognised by its words', () => {
    expect(
      sources.flatMap((source) =>
        placesOf(source, /\.message\.(?:includes|startsWith|endsWith|match)\(|\.test\([a-z]*[eE]rr(?:or)?\.message/),
      ),
    ).toEqual([]);
  });

  test('every ring has its README, and no folder is empty', () => {
    for (const ring of RINGS) {
      expect(filesOf(ring, 'README.md').map((readme) => readme.path)).toContain(`${ring}/README.md`);
      expect(
        foldersOf(ring).filter(
          (name) => name !== 'decisions' && !sources.some((source) => source.path.startsWith(`${ring}/${name}/`)),
        ),
      ).toEqual([]);
    }
  });
});
