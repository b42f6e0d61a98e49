import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ThreatBook } from '../../../src/threat/index.ts';

interface Row {
  readonly id: string;
  readonly family: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

type Half = 'tuning' | 'held out';

const BLOCK_ABOVE = 0.8;
const honest = [...corpus('honest'), ...corpus('honest-second')];
const attacks = [...corpus('attacks'), ...corpus('attacks-second')];

test('a thousand honest calls and two hundred attacks at least are held out, each id once', () => {
  expect(honest.filter((row) => halfOf(row) === 'held out').length).toBeGreaterThanOrEqual(1_000);
  expect(attacks.filter((row) => halfOf(row) === 'held out').length).toBeGreaterThanOrEqual(200);
  expect(new Set([...honest, ...attacks].map(({ id }) => id)).size).toBe(honest.length + attacks.length);
});

test('of honest calls nobody tuned it by, at most five in a thousand are blocked', () => {
  report('honest', honest);
  expect(blockedOf(honest, 'held out')).toBeLessThanOrEqual(0.005);
});

test('of attacks nobody tuned it by, at least nine in ten are caught', () => {
  report('attacks', attacks);
  expect(blockedOf(attacks, 'held out')).toBeGreaterThanOrEqual(0.9);
});

test('of calls written to look like attacks one in ten at most is blocked, and of their counterparts nine in ten', () => {
  const looksOdd = corpus('honest-third');
  const meant = corpus('attacks-third');
  report('honest, third', looksOdd);
  report('attacks, third', meant);
  expect(blockedOf(looksOdd, 'tuning')).toBeLessThanOrEqual(0.1);
  expect(blockedOf(meant, 'tuning')).toBeGreaterThanOrEqual(0.9);
});

function corpus(name: string): readonly Row[] {
  const text = readFileSync(new URL(`../../fixtures/threat/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

function halfOf({ id }: Row): Half {
  return (createHash('sha256').update(id).digest()[31] as number) % 2 === 0 ? 'tuning' : 'held out';
}

function isBlocked({ tool, arguments: args }: Row): boolean {
  // A book of its own for each call: what is measured is what the arguments say.
  const call = { agentId: 'ann', tool, arguments: args, isHighRisk: false, source: '127.0.0.1', nowMs: 1 };
  return new ThreatBook().assess(call).score > BLOCK_ABOVE;
}

function blockedOf(rows: readonly Row[], half: Half): number {
  const mine = rows.filter((row) => halfOf(row) === half);
  expect(mine.length).toBeGreaterThan(rows.length / 3);
  return mine.filter(isBlocked).length / mine.length;
}

function report(name: string, rows: readonly Row[]): void {
  const shares = (['tuning', 'held out'] as const).map(
    (half) => `${half} ${(100 * blockedOf(rows, half)).toFixed(2)} %`,
  );
  process.stdout.write(`${name} blocked: ${shares.join(', ')} of ${rows.length}\n`);
}
