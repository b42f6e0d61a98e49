import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataFolderOf } from '../../../node/cli/data-folder.ts';
import { duration } from '../../../node/cli/duration.ts';
import { table } from '../../../node/cli/terminal.ts';
import { isStreamEnd } from '../../../node/crash.ts';
import { openFiles } from '../../../node/data-files.ts';

describe('the data folder', () => {
  const place = (env: Record<string, string>, platform: NodeJS.Platform = 'linux') => ({
    env,
    platform,
    home: '/home/me',
  });

  test('is --data, else $VILLAGE_DATA, else the platform’s own', () => {
    expect(dataFolderOf('/d', place({ VILLAGE_DATA: '/v' }))).toBe('/d');
    expect(dataFolderOf(undefined, place({ VILLAGE_DATA: '/v' }))).toBe('/v');
    expect(dataFolderOf(undefined, place({ VILLAGE_DATA: '' }))).toBe('/home/me/.local/share/village');
    expect(dataFolderOf(undefined, place({ XDG_DATA_HOME: '/x' }))).toBe('/x/village');
    expect(dataFolderOf(undefined, place({ XDG_DATA_HOME: 'relative' }))).toBe('/home/me/.local/share/village');
    expect(dataFolderOf(undefined, place({}, 'darwin'))).toBe('/home/me/Library/Application Support/village');
  });
});

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
  ])('%s is %i ms', (text, ms) => {
    expect(duration(text)).toBe(ms);
  });

  test.each(['', '0s', '5', '5y', '-1h', '1h ', ' 1h', '1.5h', '9999999d', '1h-5m'])('%j is none', (text) => {
    expect(() => duration(text)).toThrow();
  });

  test('is positive and finite, or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789smhd .-') }), (text) => {
        let ms: number;
        try {
          ms = duration(text);
        } catch {
          return;
        }
        expect(ms).toBeGreaterThan(0);
        expect(Number.isSafeInteger(ms)).toBe(true);
      }),
    );
  });
});

test('a table is as wide as its cells, and one line a row', () => {
  expect(
    table(
      [
        { name: 'echo', n: 1 },
        { name: 'x\ny', n: undefined },
      ],
      ['name', 'n'],
    ),
  ).toBe('name  n\necho  1\nx');
  expect(table([], ['name'])).toBe('(none)');
});

test('the end of a stream is no crash; anything else is', () => {
  const end = Object.assign(new Error('x'), { name: 'StreamStateError' });
  expect(isStreamEnd(end)).toBe(true);
  expect(isStreamEnd(new TypeError('StreamStateError'))).toBe(false);
  expect(isStreamEnd('StreamStateError')).toBe(false);
});

test('a data folder that is only looked at is not made', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'village-look-')), 'none');
  await expect(openFiles(folder, { mayMake: false })).rejects.toMatchObject({ code: 'NO_VILLAGE' });
  expect(existsSync(folder)).toBe(false);
  await rm(dirname(folder), { recursive: true });
});
