/**
 * `node scripts/fuzz.ts [--seconds 60] [--seed N] [--only NAME]`: everything that takes bytes from outside, each for its share of the time.
 * A failure prints the smallest input that shows it; the same seed finds it again.
 */
import { parseArgs } from 'node:util';
import { withTargets } from '../test/fuzz/all.ts';
import { fuzz, summaryOf } from '../test/fuzz/target.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
let failed = 0;
process.on('unhandledRejection', (error) => {
  failed += 1;
  console.log('an unhandled rejection:', error);
});
console.log(`seed ${seed}`);
await withTargets(async (all, alive) => {
  const targets = all.filter(({ name }) => values.only === undefined || name.includes(values.only));
  const forMs = (Number(values.seconds) * 1000) / targets.length;
  for (const target of targets) {
    const fuzzed = await fuzz(target, { seed, forMs });
    const { failure } = fuzzed;
    console.log(summaryOf(fuzzed));
    if (failure !== undefined) console.log(failure);
    failed += failure === undefined ? 0 : 1;
  }
  if (!(await alive())) {
    failed += 1;
    console.log('FAILED: the node is gone');
  }
});
console.log(`seed ${seed}: ${failed === 0 ? 'nothing found' : `${failed} failed`}`);
process.exitCode = failed === 0 ? 0 : 1;
