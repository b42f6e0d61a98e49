import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMBINATIONS, RESULTS_FILE, type Row, renderRow, runRow, type Where } from '../support/conformance-table.ts';
import { type ConformanceVillage, conformanceVillage, type Guards } from '../support/conformance-village.ts';
import { cleanUp } from '../support/process-node.ts';

/** How many scored scenarios each set is known to have: fewer means that the suite looked at less. */
const SCORED = { '0.1.16 all': 32, '2025-11-25': 30, '2026-07-28': 37 } as const;

/**
 * That scenario wants a question under the key that the suite knows. A server with sessions asks without keys, so there is none that
 * a village could pass on; what it asks arrives, as the other ten scenarios of input see.
 */
const KEYED = 'input-required-result-basic-elicitation';

const GUARDED = COMBINATIONS.filter(({ placement }) => placement === 'one hop');

describe.each<[Guards, readonly Where[]]>([
  ['plain', COMBINATIONS],
  ['everything', GUARDED],
])('the conformance suites of the Model Context Protocol, guards: %s', (guards, combinations) => {
  let village: ConformanceVillage;
  const rows: Row[] = [];

  beforeAll(async () => {
    village = await conformanceVillage(guards);
  }, 60_000);

  afterAll(async () => {
    await village?.[Symbol.asyncDispose]();
    await cleanUp();
  });

  test.each(combinations)('$suite, $placement', async (where) => {
    const row = await runRow(village, where);
    rows.push(row);
    const scored = row.outcome.scenarios.filter((scenario) => scenario.scored);
    const keyless = where.suite === '2026-07-28' && where.placement === 'one hop, other era';
    expect(scored.filter((scenario) => scenario.failed > 0).map(({ name }) => name)).toEqual(keyless ? [KEYED] : []);
    expect(scored).toHaveLength(SCORED[where.suite]);
    if (!keyless) expect(row.outcome.code, row.outcome.output).toBe(0);
  });

  test('the table that is kept says what was just seen', () => {
    expect(rows).toHaveLength(combinations.length);
    const kept = readFileSync(RESULTS_FILE, 'utf8').split(/(?<=\n)/);
    for (const row of rows) expect(kept).toContain(renderRow(row));
  });

  test('the gateway speaks what the guards say, and every call is on record', async () => {
    expect(village.far.ready.gateway).toMatch(guards === 'plain' ? /^http:/ : /^https:/);
    await expect(village.host.json(['audit', 'verify'])).resolves.toMatchObject({ ok: true });
  });
});
