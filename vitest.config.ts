import { defineConfig } from 'vitest/config';

/** One project per kind of test: `vitest run --project unit`. Only those that start processes may be slow. */
const project = (name: string, include: string[], options: { testTimeout: number; serial?: boolean }) => ({
  test: {
    name,
    include,
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
      project('simulation', ['test/simulation/**/*.test.ts'], { testTimeout: 60_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], { testTimeout: 90_000, serial: true }),
    ],
  },
});
