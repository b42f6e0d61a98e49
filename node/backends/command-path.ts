import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** The absolute path of the program `command`, looked up as a shell would; undefined when there is none that may be run. */
export async function commandPath(
  command: string,
  options: { readonly path: string | undefined; readonly cwd: string },
): Promise<string | undefined> {
  if (command.includes('/'))
    return (await isProgram(resolve(options.cwd, command))) ? resolve(options.cwd, command) : undefined;
  for (const folder of (options.path ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const candidate = join(folder, command);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
