import { expect, test } from 'vitest';
import { withTargets } from '../fuzz/all.ts';
import { fuzz, summaryOf } from '../fuzz/target.ts';

const SECONDS = 60;
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test(`what comes from outside, spoilt in any way, breaks no promise and no node (seed ${SEED})`, async () => {
  await withTargets(async (targets, alive) => {
    const found: string[] = [];
    for (const target of targets) {
      const fuzzed = await fuzz(target, { seed: SEED, forMs: (SECONDS * 1000) / targets.length });
      const { name, failure } = fuzzed;
      process.stdout.write(`fuzz: ${summaryOf(fuzzed)}\n`);
      if (failure !== undefined) found.push(`${name}: ${failure}`);
    }
    expect(found).toEqual([]);
    expect(await alive()).toBe(true);
  });
}, 400_000);
