/**
 * Completes `package-lock.json` with the optional packages of other platforms. npm leaves them out when the registry at hand does
 * not carry them, and `npm ci` then refuses the lock file everywhere. Their versions are exact in the packages that ask for them;
 * without a tarball at hand there is no integrity hash to write, so they are pinned by version alone. All are development tools.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const SYSTEM =
  /(?:^|[-/])(android|darwin|linux|win32|freebsd|openharmony)-(arm64|x64|arm|ppc64|riscv64|s390x|ia32)(?:-(\w+))?$/;
const LIBC: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> };
const known = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1)));

let added = 0;
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const system = SYSTEM.exec(name);
    if (known.has(name) || system === null || !/^\d+\.\d+\.\d+$/.test(version)) continue;
    const [, os = '', cpu = '', abi = ''] = system;
    const libc = os === 'linux' && LIBC[abi] !== undefined ? { libc: [LIBC[abi]] } : {};
    lock.packages[`node_modules/${name}`] = Object.assign(
      { version, cpu: [cpu], ...(entry.dev === true ? { dev: true } : {}), ...libc },
      { optional: true, os: [os] },
    ) as Entry;
    known.add(name);
    added += 1;
    console.log(`${name}@${version} (for ${parent})`);
  }
}

const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
if (added > 0) writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
console.log(`${added} added`);
