import type { Rule, SigningRule } from '../../../src/governance/index.ts';
import { Chance } from './chance.ts';
import { Violation } from './checks.ts';
import { converged, type Ended } from './converged.ts';
import { betray } from './adversary.ts';
import { type Move, MOVES } from './moves.ts';
import { DAY_MS, VOTERS } from './village.ts';
import { type DiskRule, World } from './world.ts';

/** A rule that is switched off. */
export type Mutant =
  | { readonly where: 'ledger'; readonly rule: Rule }
  | { readonly where: 'signing'; readonly rule: SigningRule }
  | { readonly where: 'disk'; readonly rule: DiskRule };

export interface Run {
  readonly seed: number;
  readonly theme: string;
  readonly violation?: { readonly invariant: string; readonly what: string } | undefined;
  /** How often each interesting thing happened. */
  readonly counts: ReadonlyMap<string, number>;
  readonly ended?: Ended | undefined;
}

const ALWAYS: Partial<Record<Move, number>> = {
  deliver: 30,
  vote: 14,
  changeVote: 5,
  sync: 8,
  seconds: 5,
  hours: 3,
  crash: 2,
  wake: 3,
  cut: 2,
  heal: 3,
  lie: 1,
};

/** What a run is mostly about: chance alone rarely comes by the deep ends. */
const THEMES: Readonly<Record<string, Partial<Record<Move, number>>>> = {
  votes: { ...ALWAYS, proposePlan: 6, proposeRule: 3, proposeNote: 2, proposeTooLow: 2, withdraw: 1, day: 1 },
  rivals: {
    ...ALWAYS,
    proposePlan: 12,
    proposeNote: 7,
    proposeNoteByTwo: 7,
    lateNote: 4,
    noteTogether: 2,
    vote: 24,
    syncAll: 2,
    day: 1,
  },
  overlay: {
    ...ALWAYS,
    proposePlan: 6,
    proposeNote: 2,
    proposeRule: 2,
    emergency: 5,
    override: 7,
    ratify: 8,
    revoke: 1,
    proposeRevoke: 4,
    amendTogether: 1,
    syncAll: 4,
    day: 2,
  },
  holds: {
    ...ALWAYS,
    proposePlan: 4,
    proposeEviction: 5,
    override: 2,
    hold: 8,
    ratify: 8,
    proposeRevoke: 3,
    syncAll: 3,
    day: 2,
  },
  epochs: {
    ...ALWAYS,
    proposePlan: 6,
    proposeNote: 3,
    amendTogether: 5,
    strayNote: 1,
    emergency: 1,
    rotate: 1,
    amend: 1,
    vote: 30,
    syncAll: 12,
    day: 1,
    changeVote: 1,
    crash: 1,
    cut: 1,
  },
  removal: {
    ...ALWAYS,
    proposePlan: 2,
    recover: 3,
    recoverTogether: 4,
    expel: 6,
    amendTogether: 1,
    rotate: 1,
    vote: 34,
    syncAll: 16,
    days: 3,
    vanish: 3,
    changeVote: 1,
    crash: 1,
    cut: 1,
  },
  thieves: {
    ...ALWAYS,
    proposePlan: 5,
    proposeNote: 4,
    amendTogether: 7,
    forge: 9,
    strayNote: 6,
    vote: 20,
    syncAll: 9,
    crash: 1,
    cut: 1,
  },
  calls: { ...ALWAYS, proposeCall: 12, vote: 20, crash: 6, syncAll: 3, copy: 1, restore: 1, day: 1 },
  copies: {
    ...ALWAYS,
    proposePlan: 10,
    proposeRule: 2,
    vote: 24,
    changeVote: 10,
    copy: 5,
    restore: 6,
    crash: 4,
    day: 1,
  },
};
export const THEME_NAMES = Object.keys(THEMES);
const STEPS = 90;

/** One life of a village. The same seed is the same life, to the byte. */
export function simulate(seed: number, mutant?: Mutant): Run {
  const chance = new Chance(seed);
  const theme = THEME_NAMES[seed % THEME_NAMES.length] ?? 'votes';
  const traitor = chance.happens(theme === 'removal' || theme === 'thieves' ? 0.6 : 0.35)
    ? chance.pick(VOTERS)
    : undefined;
  const off = <T>(where: Mutant['where']): ReadonlySet<T> => new Set(mutant?.where === where ? [mutant.rule as T] : []);
  const faults = { ledger: off<Rule>('ledger'), signing: off<SigningRule>('signing') };
  const world = new World({ chance, faults, disk: off<DiskRule>('disk'), traitor });
  try {
    const king = world.node('king');
    // A king whose clock is in another season: what it lays has a deadline that never comes.
    if (traitor === 'king' && chance.happens(0.5)) king.skewMs = 60 * DAY_MS;
    world.stubborn = traitor !== undefined && chance.happens(0.5);
    for (const node of world.voters) world.act(node, 'home', { node: `home of ${node.name}` });
    for (let step = 0; step < STEPS; step += 1) {
      if (traitor !== undefined && chance.happens(0.06)) betray(world);
      MOVES[chance.weighted<Move>(THEMES[theme] ?? ALWAYS)](world);
    }
    for (let round = 0; round < 4; round += 1) {
      world.settle();
      world.advance(DAY_MS + DAY_MS / 4);
    }
    world.settle();
    return { seed, theme, counts: world.counts, ended: converged(world) };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { seed, theme, counts: world.counts, violation: { invariant: error.invariant, what: error.message } };
  }
}
