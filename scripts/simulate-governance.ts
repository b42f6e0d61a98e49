import { simulate } from '../test/simulation/governance/run.ts';

const [first = '0', count = '20000'] = process.argv.slice(2);
const totals = new Map<string, number>();
const themes = new Map<string, number>();
let failed = 0;
const started = performance.now();
for (let seed = Number(first); seed < Number(first) + Number(count); seed += 1) {
  const { counts, violation, theme } = simulate(seed);
  for (const [what, often] of counts) totals.set(what, (totals.get(what) ?? 0) + often);
  if (violation === undefined) continue;
  failed += 1;
  themes.set(theme, (themes.get(theme) ?? 0) + 1);
  if (failed <= 20) console.log(`seed ${seed} (${theme}): ${violation.what}`);
}
const seconds = (performance.now() - started) / 1000;
for (const [what, often] of [...totals].sort()) console.log(`${String(often).padStart(9)}  ${what}`);
console.log(`${count} seeds from ${first}: ${failed} failed, ${seconds.toFixed(1)} s`, Object.fromEntries(themes));
process.exitCode = failed === 0 ? 0 : 1;
