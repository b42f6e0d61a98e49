import { join } from 'node:path';
import { ROOT, run } from './process-node.ts';

const cli = (name: string) => join(ROOT, 'node_modules', name, 'dist/index.js');

/** The frozen sets of scenarios, each at the version of the suite that carries it. */
export const SUITES = {
  '0.1.16 all': [cli('conformance-2025'), 'server', '--suite', 'all'],
  '2025-11-25': [cli('conformance-2026'), 'server', '--requirements', '2025-11-25', '--timeout', '15000'],
  '2026-07-28': [cli('conformance-2026'), 'server', '--requirements', '2026-07-28', '--timeout', '15000'],
} as const;
export type SuiteName = keyof typeof SUITES;

export interface Scenario {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly scored: boolean;
}
export interface SuiteOutcome {
  readonly code: number | null;
  readonly scenarios: readonly Scenario[];
  readonly output: string;
}

/** Runs every scenario of one set against the server at `url`. */
export async function runSuite(
  suite: SuiteName,
  url: string,
  options: { timeoutMs?: number } = {},
): Promise<SuiteOutcome> {
  const [file, ...args] = SUITES[suite];
  const { code, stdout, stderr } = await run(process.execPath, [file, ...args, '--url', url], {
    timeoutMs: options.timeoutMs ?? 120_000,
  });
  return { code, scenarios: scenariosOf(stdout), output: stdout + stderr };
}

/** Reads the summary that the suite ends with. */
function scenariosOf(stdout: string): Scenario[] {
  const summary = stdout.slice(Math.max(stdout.indexOf('=== SUMMARY ==='), 0));
  const unscored = new Set([...summary.matchAll(/^ {2}[✓✗] (\S+) \(/gmu)].map(([, name]) => name));
  return [...summary.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gmu)].map(([, name = '', passed, failed]) => ({
    name,
    passed: Number(passed),
    failed: Number(failed),
    scored: !unscored.has(name),
  }));
}
