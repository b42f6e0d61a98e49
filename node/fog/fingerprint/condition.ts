import type { FogAd } from '../../../src/fog/index.ts';
import { measuredCelsius, thermalLevel } from './heat.ts';
import { measuredPower } from './power.ts';
import { measuredPressure } from './pressure.ts';

/** How the machine is now. */
export type Condition = Pick<FogAd, 'power' | 'thermal' | 'psi'>;

/** Never rejects. */
export async function measuredCondition(): Promise<Condition> {
  const [power, celsius, psi] = await Promise.all([measuredPower(), measuredCelsius(), measuredPressure()]);
  return { power, thermal: thermalLevel(celsius), psi };
}
