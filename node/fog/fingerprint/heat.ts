import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const MAX_ZONES = 64;

/** The hottest thermal zone, whole degrees Celsius; undefined where the machine tells none. Never rejects. */
export async function measuredCelsius(folder = '/sys/class/thermal'): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  const zones = names.filter((name) => name.startsWith('thermal_zone')).slice(0, MAX_ZONES);
  const read = await Promise.all(zones.map((name) => readFile(join(folder, name, 'temp'), 'utf8').catch(() => '')));
  const degrees = read.flatMap((text) => (/^\d{1,6}$/.test(text.trim()) ? [Math.round(Number(text) / 1_000)] : []));
  return degrees.length === 0 ? undefined : Math.max(...degrees);
}
