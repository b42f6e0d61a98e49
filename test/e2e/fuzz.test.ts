import { expect, test } from 'vitest';
import { withTargets } from '../fuzz/all.ts';
import { fuzz } from '../fuzz/target.ts';

const SECONDS = 60;
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test(`what comes from outside, spoilt in any way, breaks no promise and no node (seed ${SEED})`, async () => {
  await withTargets(async (targets, alive) => {
    const found: string[] = [];
    for (const target of targets) {
      const { name, failure } = await fuzz(target, { seed: SEED, forMs: (SECONDS * 1000) / targets.length });
      if (failure !== undefined) found.push(`${name}: ${failure}`);
    }
    expect(found).toEqual([]);
    expect(await alive()).toBe(true);
  });
}, 180_000);
