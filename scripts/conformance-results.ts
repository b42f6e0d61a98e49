/** Runs the conformance suites in every placement and writes what came out to `test/conformance-results.md`. */
import { writeFileSync } from 'node:fs';
import { COMBINATIONS, RESULTS_FILE, type Row, renderResults, runRow } from '../test/support/conformance-table.ts';
import { conformanceVillage, GUARDS } from '../test/support/conformance-village.ts';
import { cleanUp } from '../test/support/process-node.ts';

const rows: Row[] = [];
try {
  for (const guards of GUARDS) {
    await using village = await conformanceVillage(guards);
    for (const where of COMBINATIONS) {
      const row = await runRow(village, where);
      rows.push(row);
      const failed = row.outcome.scenarios.filter((scenario) => scenario.failed > 0);
      const marked = failed.map(({ name, scored }) => (scored ? name : `(${name})`));
      console.log(`${where.suite}, ${where.placement}, ${guards}: ${marked.join(' ') || 'all passed'}`);
    }
  }
  writeFileSync(RESULTS_FILE, renderResults(rows));
} finally {
  await cleanUp();
}
