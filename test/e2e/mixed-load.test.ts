import { afterAll, expect, test } from 'vitest';
import { judged } from '../mixed-load/judged.ts';
import { mixedLoad } from '../mixed-load/run.ts';
import { cleanUp } from '../support/process-node.ts';

const SEED = 1;

afterAll(cleanUp);

test.skipIf(process.platform !== 'linux')(
  `two minutes of load, with kills, lies and expiring tokens, show nothing wrong (seed ${SEED})`,
  async () => {
    const told: string[] = [];
    const options = { seed: SEED, forMs: 120_000, roundMs: 15_000, restMs: 150 };
    const result = await mixedLoad({ ...options, tell: (line) => told.push(line) });
    expect(judged(result), told.join('\n')).toEqual([]);
  },
  600_000,
);
