import { readFile } from 'node:fs/promises';

/** The share of the last 10 s in which some work waited, whole percent. */
export interface Pressure {
  readonly cpu: number;
  readonly mem: number;
}

/** Pressure stall information of the kernel; zeros where it tells none. Never rejects. */
export async function measuredPressure(folder = '/proc/pressure'): Promise<Pressure> {
  const [cpu, mem] = await Promise.all(
    ['cpu', 'memory'].map((name) => readFile(`${folder}/${name}`, 'utf8').then(someAvg10, () => 0)),
  );
  return { cpu: cpu ?? 0, mem: mem ?? 0 };
}

export function someAvg10(text: string): number {
  const match = /^some avg10=(\d{1,3}\.\d+)/m.exec(text);
  return match === null ? 0 : Math.min(100, Math.round(Number(match[1])));
}
