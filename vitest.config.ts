import { defineConfig } from 'vitest/config';

/** 25 nodes in one process need both cores: beside other files their dials miss deadlines. They run in turn with the processes. */
const ALONE = 'test/simulation/discovery.test.ts';

/** One project per kind of test: `vitest run --project unit`. Only those that start processes may be slow. */
const project = (name: string, include: string[], options: { testTimeout: number; serial?: boolean; exclude?: string[]; setupFiles?: string[] }) => ({
  test: {
    name,
    include,
    exclude: options.exclude ?? [],
    setupFiles: options.setupFiles ?? [],
    environment: 'node' as const,
    testTimeout: options.testTimeout,
    hookTimeout: options.testTimeout,
    teardownTimeout: 5_000,
    fileParallelism: options.serial !== true,
  },
});

export default defineConfig({
  test: {
    // Two cores are what the checks run on; more workers than that only make deadlines miss.
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    allowOnly: process.env['CI'] === undefined,
    projects: [
      project('architecture', ['test/architecture/**/*.test.ts'], { testTimeout: 10_000 }),
      project('unit', ['test/unit/**/*.test.ts', 'test/regression/**/*.test.ts'], { testTimeout: 10_000 }),
      project('conformance', ['test/conformance/**/*.test.ts'], { testTimeout: 15_000 }),
      project('simulation', ['test/simulation/**/*.test.ts'], { testTimeout: 60_000, exclude: [ALONE] }),
      project('e2e', ['test/e2e/**/*.test.ts', ALONE], {
        testTimeout: 120_000,
        serial: true,
        setupFiles: ['test/support/nothing-left.ts'],
      }),
    ],
  },
});
