/** The five governance levels, lowest first; a higher level may do all that a lower one may. Source: the permission chapter of the specification. */
export const LEVELS = ['READ_ONLY', 'OPERATOR', 'COORDINATOR', 'GOVERNANCE', 'EMERGENCY'] as const;
export type Level = (typeof LEVELS)[number];

const RANK: Readonly<Record<Level, number>> = {
  READ_ONLY: 1,
  OPERATOR: 2,
  COORDINATOR: 3,
  GOVERNANCE: 4,
  EMERGENCY: 5,
};

export function isLevel(value: unknown): value is Level {
  return typeof value === 'string' && Object.hasOwn(RANK, value);
}

/** 1 (READ_ONLY) … 5 (EMERGENCY). */
export function rankOf(level: Level): number {
  return RANK[level];
}

export function atLeast(held: Level, needed: Level): boolean {
  return RANK[held] >= RANK[needed];
}

export function lowest(first: Level, ...others: readonly Level[]): Level {
  return others.reduce<Level>((low, level) => (RANK[level] < RANK[low] ? level : low), first);
}
