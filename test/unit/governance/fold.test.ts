import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Choice, type Decision, fold, outcomeOf } from '../../../src/governance/index.ts';

const KEYS = ['a.x', 'a.y', 'a.z'];
const TYPES = ['minor_change', 'major_change', 'critical_change'] as const;

interface Recipe {
  readonly type: (typeof TYPES)[number];
  readonly keys: readonly string[];
  readonly back: number;
}

/** Decisions that build on each other: `back` versions before the newest that the list has for the key. */
function decisions(recipes: readonly Recipe[], tag: string): Decision[] {
  const history = new Map(KEYS.map((key) => [key, ['genesis']]));
  return recipes.map(({ type, keys, back }, index) => {
    const id = `${(index * 2_654_435_761 + tag.length * 97).toString(16).slice(-6)}${tag}${index}`;
    const actions = keys.map((key) => {
      const versions = history.get(key) ?? [];
      return {
        op: 'set' as const,
        key,
        base: versions[Math.max(0, versions.length - 1 - back)] ?? 'genesis',
        value: index,
      };
    });
    for (const key of keys) history.get(key)?.push(id);
    return { id, ep: 0, type, actions };
  });
}

const recipe = (types: readonly Recipe['type'][], back: number): fc.Arbitrary<Recipe> =>
  fc.record({
    type: fc.constantFrom(...types),
    keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 2 }),
    back: fc.nat(back),
  });
const many = fc.array(recipe(TYPES, 3), { minLength: 1, maxLength: 8 }).map((recipes) => decisions(recipes, 'd'));
const shuffled = many.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
const spell = (all: readonly Decision[]): string => {
  const { current, standing, depth } = fold(all);
  return JSON.stringify([[...current].sort(), [...standing].sort(), [...depth].sort()]);
};
const SETTINGS = { seed: 42, numRuns: 3000 };

describe('the fold', () => {
  test('is the same in every order', () => {
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(spell(one)).toBe(spell(other));
      }),
      SETTINGS,
    );
  });

  test('does not count a decision twice', () => {
    fc.assert(
      fc.property(many, (all) => {
        expect(spell([...all, ...all])).toBe(spell(all));
      }),
      SETTINGS,
    );
  });

  test('puts one decision in force from each version of a key, and all of its writes or none', () => {
    const property = fc.property(many, (all) => {
      const { standing } = fold(all);
      const taken = new Set<string>();
      for (const { id, actions } of all.filter((one) => standing.get(one.id) === 'in-force')) {
        for (const action of actions) {
          if (action.op !== 'set') continue;
          const slot = `${action.key} ${action.base}`;
          expect(taken.has(slot), `${id} takes ${slot} again`).toBe(false);
          taken.add(slot);
          expect(action.base === 'genesis' || standing.get(action.base) === 'in-force').toBe(true);
        }
      }
    });
    fc.assert(property, SETTINGS);
  });

  test('never lets a late change of one voter displace what a majority decided', () => {
    const chain = fc.array(recipe(['minor_change', 'major_change'], 0), { minLength: 2, maxLength: 6 });
    const property = fc.property(chain, recipe(['minor_change'], 5), (recipes, late) => {
      const voted = decisions(recipes, 'c');
      const [rogue] = decisions([...recipes, late], 'c').slice(-1);
      const before = fold(voted).standing;
      const after = fold([...voted, rogue as Decision]).standing;
      for (const { id, type } of voted) {
        if (type === 'major_change' && before.get(id) === 'in-force') expect(after.get(id)).toBe('in-force');
      }
    });
    fc.assert(property, SETTINGS);
  });

  test('by rank and id alone would displace it', () => {
    const minor = (id: string, base: string): Decision => ({
      id,
      ep: 0,
      type: 'minor_change',
      actions: [{ op: 'set', key: 'a.x', base, value: id }],
    });
    const voted: Decision = { ...minor('c', 'b'), type: 'major_change' };
    const all = [minor('b', 'genesis'), voted, minor('a', 'genesis')];
    expect(fold(all).current.get('a.x')).toBe('c');
    expect(fold(all, new Set(['support-orders'])).current.get('a.x')).toBe('a');
  });

  test('takes ten thousand decisions, one after the other or side by side', () => {
    const chain = Array.from(
      { length: 5000 },
      (_, at): Decision => ({
        id: `c${at}`,
        ep: 0,
        type: 'major_change',
        actions: [{ op: 'set', key: 'a.x', base: at === 0 ? 'genesis' : `c${at - 1}`, value: at }],
      }),
    );
    const side = Array.from(
      { length: 5000 },
      (_, at): Decision => ({
        id: `s${at}`,
        ep: 0,
        type: 'minor_change',
        actions: [{ op: 'set', key: `b.k${at}`, base: 'genesis', value: at }],
      }),
    );
    const { current, standing } = fold([...side, ...chain.reverse()]);
    expect(current.get('a.x')).toBe('c4999');
    expect([...standing.values()].every((one) => one === 'in-force')).toBe(true);
  });
});

describe('an outcome', () => {
  const CHOICES: readonly Choice[] = ['approve', 'reject', 'abstain'];
  const register = fc.uniqueArray(fc.constantFrom(...CHOICES)).map((values) => new Set(values));
  const three = fc.tuple(register, register, register);
  const HEIGHT = { open: 0, rejected: 1, approved: 2 } as Record<string, number>;

  test('only rises as more becomes known', () => {
    const property = fc.property(
      three,
      fc.nat(2),
      fc.constantFrom(...CHOICES),
      fc.integer({ min: 1, max: 3 }),
      (registers, at, value, required) => {
        const more = registers.map((one, index) => (index === at ? new Set([...one, value]) : one));
        const before = outcomeOf(registers, { voters: 3, required });
        const after = outcomeOf(more, { voters: 3, required });
        expect(HEIGHT[after]).toBeGreaterThanOrEqual(HEIGHT[before] ?? 0);
      },
    );
    fc.assert(property, SETTINGS);
  });

  test('is both approvable and rejectable only where somebody has signed both', () => {
    for (const required of [1, 2, 3]) {
      for (const a of CHOICES)
        for (const b of CHOICES)
          for (const c of CHOICES) {
            const approvals = [a, b, c].filter((one) => one === 'approve').length;
            const outcome = outcomeOf([new Set([a]), new Set([b]), new Set([c])], { voters: 3, required });
            expect(outcome).toBe(approvals >= required ? 'approved' : 'rejected');
          }
    }
  });
});
