import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finding, fine, problem, warning } from './finding.ts';

/** Whether the folder is there, writable, and closed to others. */
export async function checkDataFolder(dataDir: string): Promise<Finding> {
  const check = 'data folder';
  const found = await stat(dataDir).catch(() => undefined);
  if (found === undefined) return fine(check, `${dataDir} is not there yet; the first \`village up\` makes it`);
  if (!found.isDirectory()) return problem(check, `${dataDir} is no folder`, 'name another with --data');
  const writable = await access(dataDir, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable)
    return problem(check, `${dataDir} cannot be written`, `make yourself its owner: sudo chown -R "$USER" ${dataDir}`);
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return warning(check, `others may look into ${dataDir} (mode ${mode(found.mode)})`, `chmod 700 ${dataDir}`);
  }
  return fine(check, dataDir);
}

const LOW_MIB = 256;

/** Whether its disk still takes something. */
export async function checkFreeSpace(dataDir: string): Promise<Finding> {
  const check = 'free space';
  const disk = await statfs(dataDir).catch(() => undefined);
  if (disk === undefined) return fine(check, 'not known until the data folder is there');
  const freeMib = Math.floor((disk.bavail * disk.bsize) / 1024 ** 2);
  const found = `${freeMib} MiB left for ${dataDir}`;
  const remedy = 'make room there; `audit.retention_days` says how long the log is kept';
  if (freeMib === 0) return problem(check, found, remedy);
  return freeMib < LOW_MIB ? warning(check, found, remedy) : fine(check, found);
}

/** Keys and run.json are for their owner alone. */
export async function checkSecretFiles(dataDir: string): Promise<Finding> {
  const check = 'secret files';
  if (process.platform === 'win32') return fine(check, 'kept by the access list of your profile');
  const files = [...(await filesUnder(join(dataDir, 'keys'))), join(dataDir, 'run.json')];
  const open: string[] = [];
  let seen = 0;
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    seen += 1;
    if ((found.mode & 0o077) !== 0) open.push(file);
  }
  if (open.length > 0) return problem(check, `others may read ${open.join(', ')}`, `chmod 600 ${open.join(' ')}`);
  return fine(check, `${seen} files, readable by their owner alone`);
}

/** The newest time stamp among the files of the folder; undefined where there is none. */
export async function newestFileMs(dataDir: string): Promise<number | undefined> {
  let newest: number | undefined;
  for (const file of await filesUnder(dataDir)) {
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined && found.mtimeMs > (newest ?? 0)) newest = found.mtimeMs;
  }
  return newest;
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function mode(bits: number): string {
  return (bits & 0o777).toString(8);
}
