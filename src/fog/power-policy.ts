import type { Power, ThermalLevel } from './ad.ts';
import type { PowerVerdict } from './node-state.ts';

/** Percent of charge, and how long mains have to last. Two thresholds: work does not come and go at one. */
export interface PowerLimits {
  readonly holdBelow: number;
  readonly drainBelow: number;
  readonly resumeAbove: number;
  readonly mainsMs: number;
}
export const POWER_LIMITS: PowerLimits = { holdBelow: 40, drainBelow: 20, resumeAbove: 60, mainsMs: 300_000 };

export interface PowerState {
  readonly verdict: PowerVerdict;
  /** On mains without a break since; undefined: on battery. */
  readonly mainsSinceMs?: number;
}

export const POWERED: PowerState = { verdict: 'accept' };

/** What power and heat allow now, after what they allowed before. A node that does not know its power is on mains. */
export function decidePower(
  before: PowerState,
  now: { power: Power; thermal: ThermalLevel; nowMs: number; limits: PowerLimits },
): PowerState {
  const { power, thermal, nowMs, limits } = now;
  const onMains = power.source !== 'battery' || power.charging;
  const since = onMains ? { mainsSinceMs: before.mainsSinceMs ?? nowMs } : {};
  if (thermal === 'critical') return { verdict: 'drain', ...since };
  const charge = power.percent ?? 100;
  if (!onMains && charge < limits.drainBelow) return { verdict: 'drain', ...since };
  const rested =
    charge > limits.resumeAbove || (since.mainsSinceMs !== undefined && nowMs - since.mainsSinceMs >= limits.mainsMs);
  const cool = thermal === 'normal' || (thermal === 'warm' && before.verdict === 'accept');
  if (before.verdict === 'accept') {
    const low = !onMains && charge < limits.holdBelow;
    return { verdict: low || thermal === 'hot' ? 'hold' : 'accept', ...since };
  }
  return { verdict: rested && cool ? 'accept' : 'hold', ...since };
}
