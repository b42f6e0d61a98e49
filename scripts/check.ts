/**
 * Runs every gate and every kind of test, all of them even when one fails, and ends with the line `N passed, N failed`.
 * A gate counts as one; a test counts as one. `node scripts/check.ts unit conformance` runs only those kinds.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  passed: number;
  failed: number;
}

const GATES: readonly { readonly name: string; readonly command: string; readonly args: readonly string[] }[] = [
  { name: 'format', command: 'biome', args: ['format'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', command: 'tsc', args: ['-p', '.'] },
  { name: 'dead code', command: 'knip', args: ['--no-progress'] },
];

// Tests with real processes and deadlines run after the others, alone: they must not miss a deadline to a simulation.
const KINDS = [['architecture', 'unit', 'conformance', 'simulation'], ['e2e']] as const;
const KNOWN: readonly string[] = KINDS.flat();

function run(command: string, args: readonly string[]): boolean {
  const done = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.error !== undefined) console.error(`${command}: ${done.error.message}`);
  return done.status === 0;
}

function gates(): Count {
  const count = { passed: 0, failed: 0 };
  for (const gate of GATES) {
    const ok = run(gate.command, gate.args);
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${gate.name}`);
    count[ok ? 'passed' : 'failed'] += 1;
  }
  return count;
}

/** Counts come from vitest's own report; a run that ends without one, or red without a failed test, is one failure. */
function tests(kinds: readonly string[]): Count {
  const folder = mkdtempSync(join(tmpdir(), 'village-check-'));
  const report = join(folder, 'report.json');
  try {
    // A kind may be more than one project: `e2e` and `e2e-beside`.
    const projects = kinds.flatMap((kind) => ['--project', `${kind}*`]);
    const ok = run('vitest', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...projects,
    ]);
    const { passed, failed } = readReport(report);
    return { passed, failed: ok ? failed : Math.max(failed, 1) };
  } catch (error) {
    console.error(`no test report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): Count {
  const report: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const { numPassedTests, numFailedTests, numFailedTestSuites } = report as Record<string, unknown>;
  if (typeof numPassedTests !== 'number' || typeof numFailedTests !== 'number')
    throw new TypeError('unexpected report');
  const broken = numFailedTests === 0 && typeof numFailedTestSuites === 'number' ? numFailedTestSuites : 0;
  return { passed: numPassedTests, failed: numFailedTests + broken };
}

function main(wanted: readonly string[]): number {
  const unknown = wanted.find((kind) => !KNOWN.includes(kind));
  if (unknown !== undefined) {
    console.error(`unknown kind of test: ${unknown} (there are: ${KNOWN.join(', ')})`);
    return 2;
  }
  const counts = wanted.length === 0 ? [gates()] : [];
  for (const group of KINDS) {
    const kinds = group.filter((kind) => wanted.length === 0 || wanted.includes(kind));
    if (kinds.length > 0) counts.push(tests(kinds));
  }
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
