import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** 25 nodes in one process need both cores: beside other files their dials miss deadlines. They run in turn with the processes. */
const ALONE = 'test/simulation/discovery.test.ts';

/**
 * Two minutes of load and a minute of fuzzing are as long as they are, and leave a processor half idle. Beside each, in this order,
 * run files that mostly wait for processes and measure no time; as many as it takes until the long one is over.
 */
const BESIDE = [
  'mixed-load',
  'conformance',
  'governance-enforced',
  'audit-tampering',
  'audit-witnesses',
  'tasks',
  'identity',
  'administration',
  'fuzz',
  'traces',
  'client-recovery',
  'threat-nodes',
  'transcripts',
  'cache-nodes',
  'audit-retention',
].map((name) => `test/e2e/${name}.test.ts`);

const place = ({ moduleId }: TestSpecification) => BESIDE.findIndex((path) => moduleId.endsWith(`/${path}`));

/** Vitest begins with the largest files; those above come in the order of the list. */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

interface Options {
  readonly testTimeout: number;
  readonly serial?: boolean;
  readonly exclude?: string[];
  readonly setupFiles?: string[];
  /** Projects of another group run before or after, not beside. */
  readonly group?: number;
}

/** One project per kind of test: `vitest run --project unit`. Only those that start processes may be slow. */
const project = (name: string, include: string[], options: Options) => ({
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
    sequence: { groupOrder: options.group ?? 0 },
  },
});

export default defineConfig({
  test: {
    // Two cores are what the checks run on; more workers than that only make deadlines miss.
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    sequence: { sequencer: InOrder },
    allowOnly: process.env['CI'] === undefined,
    projects: [
      project('architecture', ['test/architecture/**/*.test.ts'], { testTimeout: 10_000 }),
      project('unit', ['test/unit/**/*.test.ts', 'test/regression/**/*.test.ts'], { testTimeout: 10_000 }),
      project('conformance', ['test/conformance/**/*.test.ts'], { testTimeout: 15_000 }),
      project('simulation', ['test/simulation/**/*.test.ts'], { testTimeout: 60_000, exclude: [ALONE] }),
      project('e2e', ['test/e2e/**/*.test.ts', ALONE], {
        testTimeout: 120_000,
        serial: true,
        exclude: BESIDE,
        setupFiles: ['test/support/nothing-left.ts'],
      }),
      project('e2e-beside', BESIDE, {
        testTimeout: 120_000,
        group: 1,
        setupFiles: ['test/support/nothing-left.ts'],
      }),
    ],
  },
});
