/** Compiles what is published into `dist/`: three rings, no tests. The `bin` is made executable. */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (compiled.status === 0) chmodSync('dist/node/main.js', 0o755);
process.exitCode = compiled.status ?? 1;
