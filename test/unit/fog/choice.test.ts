import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acceptAd,
  decidePower,
  hashSlots,
  type KnownAd,
  needsVote,
  nextAdMs,
  NO_TRUST,
  observe,
  objectToApproval,
  POWER_LIMITS,
  POWERED,
  ShardSpec,
  slotOfKey,
  specDigest,
  trustOf,
  VOTE_POLICY,
} from '../../../src/fog/index.ts';
import { adFrom, SPEC, TriedNode } from './fixtures.ts';

const AD = adFrom(new TriedNode().state);
const keep = (ads: ReadonlyMap<string, KnownAd>, change: Partial<typeof AD>) =>
  acceptAd(ads, { ad: { ...AD, ...change }, nowMs: 0, maxAds: 2 });

describe('advertisements', () => {
  test('the newest start of a node wins, and of one start the newest number', () => {
    const ads = keep(new Map(), { bootSeq: 3, seq: 7 }) as ReadonlyMap<string, KnownAd>;
    expect(keep(ads, { bootSeq: 3, seq: 7 })).toBe('stale');
    expect(keep(ads, { bootSeq: 2, seq: 9 })).toBe('stale');
    expect((keep(ads, { bootSeq: 4, seq: 1 }) as typeof ads).get('node')?.ad.bootSeq).toBe(4);
  });

  test('a life that was over and speaks again shows that two machines have one key', () => {
    const first = keep(new Map(), { instance: '1'.repeat(32), ts: 1 }) as ReadonlyMap<string, KnownAd>;
    const second = keep(first, { instance: '2'.repeat(32), bootSeq: 4, ts: 2 }) as ReadonlyMap<string, KnownAd>;
    expect(keep(second, { instance: '1'.repeat(32), ts: 1, seq: 2 })).toBe('stale');
    const third = keep(second, { instance: '1'.repeat(32), ts: 3, seq: 3 }) as ReadonlyMap<string, KnownAd>;
    expect(third.get('node')?.copied).toBe(true);
  });

  test('no more nodes are kept than there is room for', () => {
    let ads: ReadonlyMap<string, KnownAd> = new Map();
    for (const node of ['a', 'b']) ads = keep(ads, { node }) as typeof ads;
    expect(keep(ads, { node: 'c' })).toBe('full');
  });

  test('one is due every 20 s, a fifth sooner or later, and soon when a tenth of the node changed hands', () => {
    const due = (free: number, chance: number): number =>
      nextAdMs(
        { sentMs: 0, sent: AD, now: { ...AD, free: { ...AD.free, cpuMilli: free } } },
        { everyMs: 20_000, soonestMs: 2_000, chance },
      );
    expect([due(4_000, 0), due(4_000, 1), due(3_600, 0.5), due(3_599, 0.5)]).toEqual([16_000, 24_000, 20_000, 2_000]);
  });
});

describe('keys', () => {
  const keys = Array.from({ length: 2_000 }, (_, index) => `key ${index}`);
  const places = (count: number): (number | undefined)[] => {
    const slots = hashSlots(
      'd',
      Array.from({ length: count }, (_, index) => index),
    );
    return keys.map((key) => slotOfKey(key, slots));
  };

  test('with a slot more, a key stays or goes to the new one, and about its share goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), (count) => {
        const [before, after] = [places(count), places(count + 1)];
        const moved = after.filter((slot, index) => slot !== before[index]);
        expect(new Set(moved).size).toBeLessThanOrEqual(1);
        expect(moved.every((slot) => slot === count)).toBe(true);
        expect(moved.length / keys.length).toBeGreaterThan(0.6 / (count + 1));
        expect(moved.length / keys.length).toBeLessThan(1.5 / (count + 1));
      }),
      { numRuns: 12 },
    );
  });

  test('no slots have no keys', () => {
    expect(slotOfKey('key', [])).toBeUndefined();
  });
});

describe('power', () => {
  const battery = (percent: number) => ({ source: 'battery', percent, charging: false }) as const;
  const decide = (before: typeof POWERED, percent: number, thermal: 'normal' | 'hot' | 'critical' = 'normal') =>
    decidePower(before, { power: battery(percent), thermal, nowMs: 0, limits: POWER_LIMITS });

  test('work is held back below 40 %, ended below 20 %, and taken again above 60 %', () => {
    const held = decide(POWERED, 39);
    expect([decide(POWERED, 40).verdict, held.verdict, decide(held, 19).verdict]).toEqual(['accept', 'hold', 'drain']);
    expect([decide(held, 60).verdict, decide(held, 61).verdict]).toEqual(['hold', 'accept']);
  });

  test('five minutes on mains do as well', () => {
    const mains = { source: 'mains', percent: 25, charging: true } as const;
    const at = (before: typeof POWERED, nowMs: number) =>
      decidePower(before, { power: mains, thermal: 'normal', nowMs, limits: POWER_LIMITS });
    const plugged = at(decide(POWERED, 25), 1_000);
    expect([plugged.verdict, at(plugged, 300_999).verdict, at(plugged, 301_000).verdict]).toEqual([
      'hold',
      'hold',
      'accept',
    ]);
  });

  test('heat holds back and ends too', () => {
    expect([decide(POWERED, 90, 'hot').verdict, decide(POWERED, 90, 'critical').verdict]).toEqual(['hold', 'drain']);
  });
});

describe('trust', () => {
  test('a stranger has half, and what was broken counts half as much a day later', () => {
    const once = observe(NO_TRUST, 'broken', 0);
    expect([trustOf(NO_TRUST, 0), trustOf(once, 0), trustOf(once, 86_400_000)]).toEqual([500, 333, 400]);
  });
});

describe('a vote', () => {
  const totals = { res: SPEC.res, slots: 1 };

  test.each([
    ['nothing', SPEC, totals, []],
    ['cores', SPEC, { res: { ...SPEC.res, cpuMilli: 8_001 }, slots: 1 }, ['more than 8000 milli-cores']],
    ['a device', SPEC, { res: { ...SPEC.res, gpus: 1 }, slots: 1 }, ['a GPU']],
    ['slots', SPEC, { ...totals, slots: 9 }, ['more than 8 slots']],
    ['a high class', { ...SPEC, priority: 'high' as const }, totals, ['priority high']],
  ])('is needed for %s', (_what, spec, sum, reasons) => {
    expect(needsVote(spec, { policy: VOTE_POLICY, totals: sum })).toEqual(reasons);
  });

  test.each([
    ['another spec', { specDigest: 'b'.repeat(64) }],
    ['another deployment', { deployment: 'e' }],
    ['another owner', { owner: 'other' }],
    ['less', { maxTotal: { ...SPEC.res, memMib: 1 } }],
    ['the past', { notAfter: 999 }],
  ])('for %s is no vote for this', (_what, change) => {
    const asked = { owner: 'o', deployment: 'd', specDigest: 'a'.repeat(64), term: 1 };
    const approval = { ...asked, maxTotal: SPEC.res, maxSlots: 1, notAfter: 1_000 };
    expect(objectToApproval(approval, { ...asked, totals, wallMs: 1_000 })).toBeUndefined();
    expect(objectToApproval({ ...approval, ...change }, { ...asked, totals, wallMs: 1_000 })).toBeTypeOf('string');
  });
});

describe('a spec', () => {
  test('has one digest, however it is written', () => {
    const turned = Object.fromEntries(Object.entries(SPEC).reverse()) as typeof SPEC;
    expect(specDigest(turned)).toBe(specDigest(SPEC));
    expect(specDigest({ ...SPEC, leaseMs: 16_000 })).not.toBe(specDigest(SPEC));
  });

  test.each([
    ['a command line', { artifact: 'sh -c "rm"' }],
    ['half a core in fractions', { res: { ...SPEC.res, cpuMilli: 0.5 } }],
    ['less than nothing', { res: { ...SPEC.res, memMib: -1 } }],
    ['a lease too short to renew', { leaseMs: 5_999 }],
    ['a field that nobody knows', { root: true }],
  ])('with %s is refused', (_what, change) => {
    expect(ShardSpec.safeParse({ ...SPEC, ...change }).success).toBe(false);
    expect(ShardSpec.safeParse(SPEC).success).toBe(true);
  });
});
