import { existsSync, readFileSync } from 'node:fs';

/** How often the fixture `counting` ran the call `id`, as it wrote down in `file`. */
export function timesRan(file: string, id: string): number {
  if (!existsSync(file)) return 0;
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line === id).length;
}
