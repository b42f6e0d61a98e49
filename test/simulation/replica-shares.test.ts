import { describe, expect, test } from 'vitest';
import { chooseReplica, ReplicaHealth } from '../../src/routing/index.ts';
import { Chance } from './governance/chance.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const REPLICAS = 3;
const RULES = { failures: 5, openMs: 1_000, maxOpenMs: 30_000 };
const USUAL_MS = 10;
const SLOW_FROM = 20_000;
const SLOW_TO = 30_000;
/** The first of them is the one that is slow for ten seconds. */
const ONE = 0;

interface Given {
  readonly atMs: number;
  readonly to: number;
}

interface Situation {
  readonly seed: number;
  readonly inFlight: number;
  readonly slowMs: number;
  readonly endMs: number;
}

/** Callers that each ask anew as soon as they have their answer, on a clock that is moved from event to event. */
function calls({ seed, inFlight, slowMs, endMs }: Situation): Given[] {
  const chance = new Chance(seed);
  const replicas = Array.from({ length: REPLICAS }, () => new ReplicaHealth({ guessMs: 5, rules: RULES, nowMs: 0 }));
  const given: Given[] = [];
  const waiting: { readonly atMs: number; readonly tookMs: number; readonly to: number }[] = [];
  const ask = (nowMs: number) => {
    const field = {
      count: REPLICAS,
      local: -1,
      usable: (index: number) => (replicas[index] as ReplicaHealth).allows(nowMs),
      cost: (index: number) => (replicas[index] as ReplicaHealth).cost(nowMs),
    };
    const to = chooseReplica(field, chance.roll());
    (replicas[to] as ReplicaHealth).begin(nowMs);
    given.push({ atMs: nowMs, to });
    const isSlow = to === ONE && nowMs >= SLOW_FROM && nowMs < SLOW_TO;
    const tookMs = (isSlow ? slowMs : USUAL_MS) * (0.8 + 0.4 * chance.roll());
    waiting.push({ atMs: nowMs + tookMs, tookMs, to });
  };
  for (let caller = 0; caller < inFlight; caller += 1) ask(caller / 10);
  while (waiting.length > 0) {
    const first = waiting.reduce((least, one, index) => (one.atMs < (waiting[least]?.atMs ?? 0) ? index : least), 0);
    const [{ atMs, tookMs, to }] = waiting.splice(first, 1) as [(typeof waiting)[number]];
    replicas[to]?.ended({ tookMs, isFault: false }, atMs);
    if (atMs < endMs) ask(atMs);
  }
  return given;
}

/** What the one is given in a time, 1 being as much as any of its siblings. */
function share(given: readonly Given[], fromMs: number, toMs: number): number {
  const then = given.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  return (then.filter(({ to }) => to === ONE).length / then.length) * REPLICAS;
}

const givenAtFirst = (given: readonly Given[]) =>
  given.filter(({ atMs, to }) => to === ONE && atMs >= SLOW_FROM && atMs < SLOW_FROM + 500).length;

describe.each(SEEDS)('with seed %i, a replica that is slow for ten seconds', (seed) => {
  test.each([
    { inFlight: 1, slowMs: 200, backMs: 25_000, atMost: 3 },
    { inFlight: 1, slowMs: 2_000, backMs: 42_000, atMost: 3 },
    { inFlight: 64, slowMs: 200, backMs: 3_000, atMost: 32 },
    { inFlight: 64, slowMs: 2_000, backMs: 18_000, atMost: 32 },
  ])(
    'at $slowMs ms has its share again $backMs ms later, $inFlight in flight',
    ({ inFlight, slowMs, backMs, atMost }) => {
      const from = SLOW_TO + backMs;
      const given = calls({ seed, inFlight, slowMs, endMs: from + 10_000 });
      expect(share(given, SLOW_FROM - 8_000, SLOW_FROM)).toBeGreaterThan(0.8);
      expect(givenAtFirst(given)).toBeLessThanOrEqual(atMost);
      expect(share(given, SLOW_FROM + 500, SLOW_TO)).toBeLessThan(0.02);
      expect(share(given, from, from + 10_000)).toBeGreaterThan(0.8);
    },
  );
});
