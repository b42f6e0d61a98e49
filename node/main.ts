#!/usr/bin/env -S node --max-semi-space-size=32
import * as modules from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const asked = 'village needs Node 22.18 or later: install it from https://nodejs.org';
  process.stderr.write(`${asked} (this is ${process.version})\n`);
  process.exit(1);
}

// Compiled code is kept between runs: less than half the time to the first line of help. Without a place for it nothing else changes.
modules.enableCompileCache(compileCacheFolder(process.env, process.platform));
await import('./process.ts');
