import { readFile } from 'node:fs/promises';

/** The share of the last 10 s in which some work waited, whole percent. */
interface Pressure {
  readonly cpu: number;
  readonly mem: number;
}

/** Pressure stall information of the kernel; null where it tells none. Never rejects. */
export async function measuredPressure(folder = '/proc/pressure'): Promise<Pressure | null> {
  const read = (name: string): Promise<number | undefined> =>
    readFile(`${folder}/${name}`, 'utf8').then(someAvg10, () => undefined);
  const [cpu, mem] = await Promise.all([read('cpu'), read('memory')]);
  return cpu === undefined || mem === undefined ? null : { cpu, mem };
}

export function someAvg10(text: string): number {
  const match = /^some avg10=(\d{1,3}\.\d+)/m.exec(text);
  return match === null ? 0 : Math.min(100, Math.round(Number(match[1])));
}
