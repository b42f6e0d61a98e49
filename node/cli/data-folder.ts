import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/** The data folder: `--data`, else `$VILLAGE_DATA`, else where this platform keeps an application's data. */
export function dataFolderOf(
  given: string | undefined,
  place: Place = { env: process.env, platform: process.platform, home: homedir() },
): string {
  const named = given ?? nonEmpty(place.env['VILLAGE_DATA']);
  return named === undefined ? join(platformFolder(place), 'village') : resolve(named);
}

function platformFolder({ env, platform, home }: Place): string {
  if (platform === 'win32') return nonEmpty(env['APPDATA']) ?? join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  const xdg = nonEmpty(env['XDG_DATA_HOME']);
  return xdg?.startsWith('/') ? xdg : join(home, '.local', 'share'); // a relative one is to be ignored (XDG 0.8)
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
