import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMBINATIONS, RESULTS_FILE, type Row, renderResults, runRow } from '../support/conformance-table.ts';
import { type ConformanceVillage, conformanceVillage } from '../support/conformance-village.ts';
import { cleanUp } from '../support/process-node.ts';

/** How many scored scenarios each set is known to have: fewer means that the suite looked at less. */
const SCORED = { '0.1.16 all': 32, '2025-11-25': 30, '2026-07-28': 37 } as const;

/**
 * That scenario wants a question under the key that the suite knows. A server with sessions asks without keys, so there is none that
 * a village could pass on; what it asks arrives, as the other ten scenarios of input see.
 */
const KEYED = 'input-required-result-basic-elicitation';

let village: ConformanceVillage;
const rows: Row[] = [];

beforeAll(async () => {
  village = await conformanceVillage();
}, 60_000);

afterAll(async () => {
  await village?.[Symbol.asyncDispose]();
  await cleanUp();
});

describe('the conformance suites of the Model Context Protocol', () => {
  test.each(COMBINATIONS)('$suite, $placement', async (where) => {
    const row = await runRow(village, where);
    rows.push(row);
    const scored = row.outcome.scenarios.filter((scenario) => scenario.scored);
    const keyless = where.suite === '2026-07-28' && where.placement === 'one hop, other era';
    expect(scored.filter((scenario) => scenario.failed > 0).map(({ name }) => name)).toEqual(keyless ? [KEYED] : []);
    expect(scored).toHaveLength(SCORED[where.suite]);
    if (!keyless) expect(row.outcome.code, row.outcome.output).toBe(0);
  });

  test('the table that is kept says what was just seen', () => {
    expect(rows).toHaveLength(COMBINATIONS.length);
    expect(readFileSync(RESULTS_FILE, 'utf8')).toBe(renderResults(rows));
  });
});
