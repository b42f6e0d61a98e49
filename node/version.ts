import { readFileSync } from 'node:fs';

/** The version in package.json, which lies one folder above the sources and two above what is published. */
export function programVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const read = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: unknown;
        version?: unknown;
      };
      if (read.name === 'village-mesh' && typeof read.version === 'string') return read.version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
