/**
 * `node scripts/mixed-load.ts [--minutes 60] [--seed N] [--round SECONDS] [--rest MS] [--logs FOLDER]`: a village of real processes
 * under load, with kills, restarts, lies, expiring tokens, joining and leaving; everything is checked from outside after each round.
 * FOLDER gets what the nodes logged when something is wrong. See test/README.md.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { judged, slopes } from '../test/mixed-load/judged.ts';
import { mixedLoad } from '../test/mixed-load/run.ts';
import { cleanUp } from '../test/support/process-node.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    round: { type: 'string' },
    rest: { type: 'string', default: '150' },
    logs: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const roundSeconds = Number(values.round ?? Math.min(60, Math.max(12, minutes * 6)));
console.log(`seed ${seed}, ${minutes} minutes, rounds of ${roundSeconds} s`);
const options = {
  seed,
  forMs: minutes * 60_000,
  roundMs: roundSeconds * 1000,
  restMs: Number(values.rest),
  logsTo: values.logs,
};
if (values.logs !== undefined) mkdirSync(values.logs, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}
try {
  const result = await mixedLoad({ ...options, tell: (line) => console.log(`${new Date().toISOString()} ${line}`) });
  const violations = judged(result);
  for (const [what, often] of [...result.book.counts].sort()) console.log(`${String(often).padStart(9)}  ${what}`);
  console.log(result.book.explained());
  for (const line of slopes(result.lives)) console.log(line);
  for (const [name, rests] of result.rests) {
    console.log(
      `at rest, ${name}: ${rests.map(({ minutes, heapMib }) => `${heapMib.toFixed(1)} MiB of heap after ${minutes.toFixed(0)} min`).join(', ')}`,
    );
  }
  for (const what of violations) console.log(`VIOLATION ${what}`);
  console.log(`seed ${seed}: ${violations.length === 0 ? 'nothing wrong' : `${violations.length} violations`}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
} finally {
  await cleanUp();
}
