import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Power } from '../../../src/fog/index.ts';

/** As `/sys/class/power_supply` tells; mains where it tells nothing. Never rejects. */
export async function measuredPower(folder = '/sys/class/power_supply'): Promise<Power> {
  const names = await readdir(folder).catch(() => []);
  const supplies = await Promise.all(names.map((name) => supplyAt(join(folder, name))));
  const batteries = supplies.filter(({ type, scope }) => type === 'Battery' && scope !== 'Device');
  const levels = batteries.flatMap(({ capacity }) =>
    /^\d{1,3}$/.test(capacity) ? [Math.min(100, Number(capacity))] : [],
  );
  if (levels.length === 0) return { source: 'mains', percent: null, charging: false };
  const plugged = supplies.some(({ type, online }) => type !== 'Battery' && online === '1');
  const charging = batteries.some(({ status }) => status === 'Charging' || status === 'Full');
  return { source: plugged || charging ? 'mains' : 'battery', percent: Math.min(...levels), charging };
}

async function supplyAt(path: string) {
  const read = async (name: string): Promise<string> =>
    readFile(join(path, name), 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  const [type, scope, capacity, status, online] = await Promise.all(
    ['type', 'scope', 'capacity', 'status', 'online'].map(read),
  );
  return { type: type ?? '', scope: scope ?? '', capacity: capacity ?? '', status: status ?? '', online: online ?? '' };
}
