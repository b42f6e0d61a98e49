import { InvalidArgumentError, Option } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_MS = 366 * 86_400_000;

/** Milliseconds of `90s`, `24h`, `1h30m`. */
export function duration(text: string): number {
  const parts = [...text.matchAll(/(\d{1,9})(ms|s|m|h|d)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
  if (parts.map(([whole]) => whole).join('') !== text || total <= 0 || total > MAX_MS) {
    throw new InvalidArgumentError('a duration such as 30s, 15m, 24h or 7d, 366d at most.');
  }
  return total;
}

/** An option that takes a duration; `preset` is written, and shown by `--help`, as a person writes it. */
export function durationOption(flags: string, description: string, preset: string): Option {
  return new Option(flags, description).argParser(duration).default(duration(preset), preset);
}
