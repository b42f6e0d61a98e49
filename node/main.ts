#!/usr/bin/env -S node --max-semi-space-size=32
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';

// Compiled code is kept between runs: less than half the time to the first line of help. Without a place for it nothing else changes.
enableCompileCache(compileCacheFolder(process.env, process.platform));
await import('./process.ts');
