import { z } from 'zod';

export const DIMENSIONS = ['cpuMilli', 'memMib', 'diskMib', 'gpus'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const Amount = z.int().min(0).max(1_000_000_000);

/** Whole numbers: thousandths of a core, MiB, MiB, devices. Converted once, at the edge; never a fraction inside. */
export const Resources = z.strictObject({ cpuMilli: Amount, memMib: Amount, diskMib: Amount, gpus: Amount });
export type Resources = z.infer<typeof Resources>;

export const NOTHING: Resources = { cpuMilli: 0, memMib: 0, diskMib: 0, gpus: 0 };

function each(amount: (dimension: Dimension) => number): Resources {
  return { cpuMilli: amount('cpuMilli'), memMib: amount('memMib'), diskMib: amount('diskMib'), gpus: amount('gpus') };
}

export function add(first: Resources, second: Resources): Resources {
  return each((dimension) => first[dimension] + second[dimension]);
}

/** `from` less `what`, in no dimension below nothing. */
export function subtract(from: Resources, what: Resources): Resources {
  return each((dimension) => Math.max(0, from[dimension] - what[dimension]));
}

export function total(all: Iterable<Resources>): Resources {
  let sum = NOTHING;
  for (const one of all) sum = add(sum, one);
  return sum;
}

/** The dimensions in which `need` exceeds `room`; empty: it fits. */
export function shortOf(need: Resources, room: Resources): readonly Dimension[] {
  return DIMENSIONS.filter((dimension) => need[dimension] > room[dimension]);
}

/** Of what has no limit nothing can be booked, and nothing can hold it to its limit. */
export function isBounded({ cpuMilli, memMib }: Resources): boolean {
  return cpuMilli > 0 && memMib > 0;
}

export function fits(need: Resources, room: Resources): boolean {
  return shortOf(need, room).length === 0;
}
