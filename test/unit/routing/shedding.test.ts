import { expect, test } from 'vitest';
import { type Pressure, Shedding } from '../../../src/routing/index.ts';

const ease: Pressure = { delay: 0.1, inFlight: 0.1, memory: 0.3 };
const between: Pressure = { ...ease, memory: 0.85 };

function after(shedding: Shedding, pressure: Pressure, looks: number): number {
  for (let look = 0; look < looks; look += 1) shedding.look(pressure);
  return shedding.levels;
}

test.each(['delay', 'inFlight', 'memory'] as const)(
  'too much %s sheds level after level, and never the highest',
  (which) => {
    const shedding = new Shedding();
    const pressed = { ...ease, [which]: 1.2 };
    expect(after(shedding, pressed, 2)).toBe(0);
    expect(after(shedding, pressed, 1)).toBe(1);
    expect(after(shedding, pressed, 3)).toBe(2);
    expect(after(shedding, pressed, 100)).toBe(4);
  },
);

test('a moment of pressure sheds nothing', () => {
  const shedding = new Shedding();
  for (let time = 0; time < 50; time += 1) {
    expect(after(shedding, { ...ease, delay: 5 }, 2)).toBe(0);
    expect(after(shedding, ease, 1)).toBe(0);
  }
});

test('what is shed comes back slowly, level after level, and only at ease', () => {
  const shedding = new Shedding();
  expect(after(shedding, { ...ease, delay: 2 }, 6)).toBe(2);
  expect(after(shedding, between, 1_000)).toBe(2);
  expect(after(shedding, ease, 7)).toBe(2);
  expect(after(shedding, ease, 1)).toBe(1);
  expect(after(shedding, ease, 8)).toBe(0);
  expect(after(shedding, ease, 100)).toBe(0);
});

test('pressure that comes and goes does not make it flutter', () => {
  const shedding = new Shedding();
  after(shedding, { ...ease, delay: 2 }, 3);
  let changes = 0;
  for (let time = 0; time < 200; time += 1) {
    if (shedding.look(time % 4 < 2 ? between : ease)) changes += 1;
  }
  expect(changes).toBe(0);
});
