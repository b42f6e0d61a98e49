import { execFileSync } from 'node:child_process';
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../../../node/files/index.ts';
import { temporaryFolder } from '../../support/data-folder.ts';

describe('a folder that is made', () => {
  test('has those above it, all for their owner alone, and making it twice is once', () => {
    const path = join(temporaryFolder(), 'a', 'b', 'c');
    makeFolder(path);
    makeFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  });

  test('may be there behind a link, and may be no file', () => {
    const folder = temporaryFolder();
    symlinkSync(folder, join(folder, 'link'));
    makeFolder(join(folder, 'link', 'below'));
    makeFolder(join(folder, 'link'));
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeFolder(join(folder, 'file'))).toThrow('EEXIST');
    expect(() => makeFolder(join(folder, 'file', 'below'))).toThrow('ENOTDIR');
  });

  // In a process of its own: what Node does by itself here never returns, and no deadline of this one would be kept.
  test.runIf(process.platform === 'linux')('where the system has no room for folders fails', () => {
    const files = fileURLToPath(new URL('../../../node/files/index.ts', import.meta.url));
    const program = `
      const { makeFolder } = await import(${JSON.stringify(files)});
      for (const path of ['/proc/x', '/proc/x/y']) try { makeFolder(path); } catch ({ code }) { console.log(code); }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 10_000 });
    expect(String(said)).toBe('ENOENT\nENOENT\n');
  });
});
