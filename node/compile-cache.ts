import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where compiled code is kept: this user's own cache. Not the shared temporary folder, where another user could put code first. */
export function compileCacheFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string {
  const home = homedir();
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'village', 'compiled');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'village', 'compiled');
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg?.startsWith('/') ? xdg : join(home, '.cache'), 'village', 'compiled');
}
