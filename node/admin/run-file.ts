import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const RunFile = z.object({
  pid: z.int().positive(),
  /** Full URL of the agents' endpoint. */
  gateway: z.url(),
  /** Under TLS: the public key that the gateway shows, `sha256//BASE64`. */
  gateway_pin: z.string().optional(),
  /** Where it wants client certificates: the one for programs of this data folder, PATH of `PATH.crt` and `PATH.key`. */
  gateway_client: z.string().optional(),
  /** Origin of the admin address. */
  admin: z.url(),
  secret: z.string().min(32),
  started_at: z.iso.datetime(),
});
/** What `run.json` says of the node that runs on a data folder. `secret` is the authority on the admin address. */
export type RunFile = z.infer<typeof RunFile>;

const pathOf = (dataDir: string) => join(dataDir, 'run.json');

/** 256 bits for one run of a node. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Writes `run.json` whole or not at all, readable by its owner alone. Call when the node is ready, and not before. */
export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  const temporary = `${pathOf(dataDir)}.${process.pid}.tmp`;
  await unlink(temporary).catch(() => undefined); // left by a crash, perhaps with another mode
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(run, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, pathOf(dataDir));
}

/** What the file says, or undefined where there is none or it is no run file. */
export function readRunFile(dataDir: string): RunFile | undefined {
  try {
    const read = RunFile.safeParse(JSON.parse(readFileSync(pathOf(dataDir), 'utf8')));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the file of the run that `secret` names; another node's stays. */
export async function removeRunFile(dataDir: string, secret: string): Promise<void> {
  if (readRunFile(dataDir)?.secret !== secret) return;
  await unlink(pathOf(dataDir)).catch(() => undefined);
}
