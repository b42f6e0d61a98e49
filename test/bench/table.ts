import type { Contender } from './contenders.ts';
import { median } from './load.ts';

/** What one contender did in one round, over all its targets. */
export interface Round {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

export interface Measured {
  readonly contender: Contender;
  readonly rounds: readonly Round[];
  /** Median of one call at a time, ms. */
  readonly aloneMs: number;
  readonly rssMiB: number;
}

const HEAD = ['', 'share of bare', 'req/s', 'CPU µs a call', 'p50 ms', 'p99 ms', 'alone ms', 'MiB', 'failed'];

/** A Markdown table of medians. A share is taken within a round, so that a machine that is busy for a while does not decide. */
export function table(all: readonly Measured[]): string {
  const rows = all.map(({ contender, rounds, aloneMs, rssMiB }) => {
    const base = all.find((one) => one.contender.name === contender.beside)?.rounds;
    const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
    const share = median(rounds.map((round, at) => round.perSecond / (base?.[at]?.perSecond ?? Number.NaN)));
    return [
      contender.name,
      Number.isNaN(share) ? 'not run' : share.toFixed(2),
      String(Math.round(of(({ perSecond }) => perSecond))),
      of(({ cpuUs }) => cpuUs).toFixed(1),
      of(({ p50Ms }) => p50Ms).toFixed(2),
      of(({ p99Ms }) => p99Ms).toFixed(2),
      aloneMs.toFixed(2),
      String(rssMiB),
      String(rounds.reduce((sum, { failed }) => sum + failed, 0)),
    ];
  });
  return aligned([HEAD, ...rows]);
}

/** Rows as Markdown, the first as the head, columns as wide as they need to be. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const [head = [], ...rest] = rows;
  return [line(head), rule, ...rest.map(line)].join('\n');
}
