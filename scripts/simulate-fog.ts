import { killerOf, MUTANTS } from '../test/simulation/fog/mutants.ts';
import { simulate } from '../test/simulation/fog/run.ts';

/**
 * `node scripts/simulate-fog.ts [FIRST] [LAST]`: those villages, each invariant checked after every step.
 * `node scripts/simulate-fog.ts mutants [LIMIT] [RULE]`: for each rule the first seed that fails without it.
 */
function villages(first: number, last: number): boolean {
  const totals = new Map<string, number>();
  const started = performance.now();
  let failed = 0;
  for (let seed = first; seed <= last; seed += 1) {
    const { counts, violation, theme } = simulate(seed);
    for (const [what, often] of counts) totals.set(what, (totals.get(what) ?? 0) + often);
    if (violation === undefined) continue;
    failed += 1;
    if (failed <= 20) console.log(`seed ${seed} (${theme}): ${violation.what}`);
  }
  const seconds = (performance.now() - started) / 1000;
  for (const [what, often] of [...totals].sort()) console.log(`${String(often).padStart(9)}  ${what}`);
  console.log(`${last - first + 1} seeds from ${first}: ${failed} failed, ${seconds.toFixed(1)} s`);
  return failed === 0;
}

function mutants(limit: number, only: string | undefined): boolean {
  let alive = 0;
  for (const mutant of MUTANTS.filter(({ rule }) => only === undefined || rule === only)) {
    const killer = killerOf(mutant, { first: 0, limit });
    if (killer === undefined) alive += 1;
    console.log(
      `${mutant.where} without ${mutant.rule}: ${killer === undefined ? 'SURVIVES' : `seed ${killer.seed}, ${killer.what}`}`,
    );
  }
  return alive === 0;
}

const [what = '0', bound, only] = process.argv.slice(2);
const good =
  what === 'mutants'
    ? mutants(Number(bound ?? 2000), only)
    : villages(Number(what), Number(bound ?? Number(what) + 9_999));
process.exitCode = good ? 0 : 1;
