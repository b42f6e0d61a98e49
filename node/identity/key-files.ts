import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../files/index.ts';
import { IdentityError } from './identity-error.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Writes a file of mode 600 so that a crash at any time leaves the old one or the new one, whole; on return it is on disk.
 * `exclusive`: KEY_EXISTS when the path is taken, whoever was first.
 */
export function writePrivateFile(path: string, content: string, options: { exclusive?: boolean } = {}): void {
  makeFolder(dirname(path));
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    if (options.exclusive === true) linkSync(draft, path);
    else renameSync(draft, path);
  } catch (error) {
    unlinkSync(draft);
    if (codeOf(error) === 'EEXIST') throw new IdentityError('KEY_EXISTS', `${path} exists already`, { cause: error });
    throw error;
  }
  if (options.exclusive === true) unlinkSync(draft);
  syncFolder(dirname(path));
}

/** Moves a file within its folder; on return the move is on disk. */
export function movePrivateFile(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(dirname(to));
}

/** Deletes a file; on return the deletion is on disk. A file that is not there is no error. */
export function deletePrivateFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  syncFolder(dirname(path));
}

/** The content of a file that only its owner may read; undefined: not there. Errors: KEY_EXPOSED, KEY_UNREADABLE. */
export function readPrivateFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new IdentityError('KEY_UNREADABLE', `cannot read ${path}`, { cause: error });
  }
  try {
    const { mode, size } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new IdentityError('KEY_EXPOSED', `${path} can be read by others (mode ${(mode & 0o777).toString(8)})`, {
        hint: `chmod 600 ${path}; if others had a look at it, make new keys`,
      });
    }
    if (size > MAX_FILE_BYTES) throw new IdentityError('KEY_MALFORMED', `${path} is too large`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // a folder cannot be opened there, and its file system journals names
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
