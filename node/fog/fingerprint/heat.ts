import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ThermalLevel } from '../../../src/fog/index.ts';

const MAX_ZONES = 64;

/** The hottest thermal zone, whole degrees Celsius; undefined where the machine tells none. Never rejects. */
export async function measuredCelsius(folder = '/sys/class/thermal'): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  const zones = names.filter((name) => name.startsWith('thermal_zone')).slice(0, MAX_ZONES);
  const read = await Promise.all(zones.map((name) => readFile(join(folder, name, 'temp'), 'utf8').catch(() => '')));
  const degrees = read.flatMap((text) => (/^\d{1,6}$/.test(text.trim()) ? [Math.round(Number(text) / 1_000)] : []));
  return degrees.length === 0 ? undefined : Math.max(...degrees);
}

/** From so many degrees on; a machine that tells none is taken for cool. */
const WARM = 75;
const HOT = 88;
const CRITICAL = 97;

export function thermalLevel(celsius: number | undefined): ThermalLevel {
  if (celsius === undefined || celsius < WARM) return 'normal';
  if (celsius < HOT) return 'warm';
  return celsius < CRITICAL ? 'hot' : 'critical';
}
