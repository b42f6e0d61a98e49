import { getCompileCacheDir } from 'node:module';
import { extname, join } from 'node:path';
import { compileCacheFolder } from '../../compile-cache.ts';

/** The path of a program of ours: source where this node runs from source, else compiled. `folder`: of the module that asks. */
export function ownProgram(folder: string, ...path: readonly string[]): string {
  return `${join(folder, ...path)}${extname(import.meta.filename)}`;
}

/** What our own programs are started with besides: the compiled code that this node keeps, if it keeps any. Halves their start. */
export function ownEnvironment(): Readonly<Record<string, string>> {
  if (getCompileCacheDir() === undefined) return {};
  return { NODE_COMPILE_CACHE: compileCacheFolder(process.env, process.platform) };
}
