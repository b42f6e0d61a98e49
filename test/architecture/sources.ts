import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const RINGS = ['src', 'protocols', 'node'] as const;
export type Ring = (typeof RINGS)[number];

export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  readonly from: string;
  /** As written. */
  readonly specifier: string;
  /** The repository path it leads to, or undefined for a package. */
  readonly target: string | undefined;
}

/** All files of `folder` whose name ends in `extension`, read whole. A folder that is not there has none. */
export function filesOf(folder: string, extension: string): Source[] {
  const top = join(ROOT, folder);
  if (!statSync(top, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !name.includes('node_modules'))
    .sort()
    .map((name) => {
      const path = relative(ROOT, join(top, name)).split(sep).join('/');
      const text = readFileSync(join(ROOT, path), 'utf8');
      return { path, text, imports: importsOf(path, text) };
    });
}

/** The folders right under `folder`. */
export function foldersOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

// Statements begin at column 0 in formatted code, so an import inside a comment is none. The specifier is all that
// matters: `import type` and `export … from` count like any other.
const STATEMENT = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"\n]+)['"]/gm;
const EXPRESSION = /\b(?:import|require)\s*\(\s*['"]([^'"\n]+)['"]/g;

export function importsOf(path: string, text: string): Import[] {
  return [STATEMENT, EXPRESSION].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => {
      const specifier = match[1] ?? '';
      const target = specifier.startsWith('.')
        ? posix.normalize(posix.join(posix.dirname(path), specifier))
        : undefined;
      return { from: path, specifier, target };
    }),
  );
}

/** The npm name in a specifier: `@scope/name/sub` → `@scope/name`. `node:…` stays whole. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The source without its comments, so that a word in an explanation is not a use. Line numbers are kept. */
function codeOf(text: string): string {
  return text
    .split('\n')
    .map((line) => (/^\s*(\/\/|\/?\*)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '')))
    .join('\n');
}

/** `file:line` of every match of `pattern` in the code of `source`. */
export function placesOf(source: Source, pattern: RegExp): string[] {
  return codeOf(source.text)
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1} ${line.trim()}`] : []));
}
