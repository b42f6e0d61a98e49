import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERRORS } from '../../../src/mcp/index.ts';

/** Rows of the operator's page: names, codes, HTTP status. A row may hold several of the same status. */
const ROW = /^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([-\d, ]+) \| (\d{3}) \|/gm;

test('the operator’s page has every error that an agent can be told, with its code and status, and no other', () => {
  const page = readFileSync(new URL('../../../node/README.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(ROW)].flatMap(([, names = '', codes = '', http]) => {
    const code = codes.split(', ');
    return names.split(', ').map((name, at) => `${name.slice(1, -1)} ${code[at]} ${http}`);
  });
  const known = Object.entries(ERRORS).map(([name, { code, http }]) => `${name} ${code} ${http}`);
  expect(told.length).toBeGreaterThan(15);
  expect(told.toSorted()).toEqual(known.toSorted());
});
