import { join } from 'node:path';
import type { SuiteName, SuiteOutcome } from './conformance-suite.ts';
import { runSuite, SUITES } from './conformance-suite.ts';
import { type ConformanceVillage, type Era, type Guards, type Placement, PLACEMENTS } from './conformance-village.ts';
import { ROOT } from './process-node.ts';

export const RESULTS_FILE = join(ROOT, 'test/conformance-results.md');

export interface Row {
  readonly suite: SuiteName;
  readonly placement: Placement;
  readonly guards: Guards;
  readonly outcome: SuiteOutcome;
}

export type Where = Pick<Row, 'suite' | 'placement'>;

const SUITE_NAMES = Object.keys(SUITES) as SuiteName[];
export const COMBINATIONS: readonly Where[] = SUITE_NAMES.flatMap((suite) =>
  PLACEMENTS.map((placement) => ({ suite, placement })),
);

const eraOf = (suite: SuiteName): Era => (suite === '2026-07-28' ? 'stateless' : 'session');

/** Runs one set of scenarios against its fixture in one placement. */
export async function runRow(village: ConformanceVillage, where: Where): Promise<Row> {
  const outcome = await runSuite(where.suite, village.url(where.placement, eraOf(where.suite)));
  return { ...where, guards: village.guards, outcome };
}

const NAMES: Readonly<Record<SuiteName, string>> = {
  '0.1.16 all': '0.1.16 `--suite all`',
  '2025-11-25': '0.2.0-alpha.12 `--requirements 2025-11-25`',
  '2026-07-28': '0.2.0-alpha.12 `--requirements 2026-07-28`',
};

const HEAD = `# Conformance

\`@modelcontextprotocol/conformance\` against its fixtures (test/fixtures/conformance) hosted behind a village, at the view \`/mcp/SERVER\`, without
an expected-failures list. Written by \`node scripts/conformance-results.ts\`, and compared with the truth by \`test/e2e/conformance.test.ts\`.
In the last placement the server speaks the other era alone: sessions where the suite has none, and the reverse. There one scenario cannot
pass: it wants a question under a key that the suite knows, and a server with sessions asks without keys.
Scenarios, not checks, are counted. Unscored are those that a suite runs but does not count: extensions and scenarios it calls pending.

Every row is run with token, permission, threat score, audit and metrics; they can't be switched off. With guards *plain* the gateway speaks HTTP,
no limit is met and no answer is kept; with *everything* it speaks TLS 1.3 to a client that trusts its certificate alone, limits are those that a
node has by itself, and every server's answers are kept for a minute (\`cacheTtlMs\`) where nothing says that they must not be.

| suite | placement | guards | scored: passed | scored: failed | unscored: passed | unscored: failed |
| --- | --- | --- | --- | --- | --- | --- |
`;

/** A line of the table. */
export function renderRow({ suite, placement, guards, outcome: { scenarios } }: Row): string {
  const count = (scored: boolean, good: boolean) =>
    scenarios.filter((scenario) => scenario.scored === scored && (scenario.failed === 0) === good).length;
  const counts = [count(true, true), count(true, false), count(false, true), count(false, false)];
  return `| ${[NAMES[suite], placement, guards, ...counts].join(' | ')} |\n`;
}

/** The table of the file, and below it the unscored scenarios that fail. */
export function renderResults(rows: readonly Row[]): string {
  const lines = rows.map(renderRow);
  const failing = rows.flatMap(({ outcome }) =>
    outcome.scenarios.filter((scenario) => !scenario.scored && scenario.failed > 0),
  );
  const names = [...new Set(failing.map(({ name }) => name))].sort();
  const scored = rows.flatMap(({ suite, placement, guards, outcome }) =>
    outcome.scenarios
      .filter((scenario) => scenario.scored && scenario.failed > 0)
      .map(({ name }) => `\nScored and failing at ${suite}, ${placement}, ${guards}: \`${name}\`.\n`),
  );
  const rest = names.length === 0 ? '' : `\nUnscored and failing: ${names.map((name) => `\`${name}\``).join(', ')}.\n`;
  return HEAD + lines.join('') + scored.join('') + rest;
}
