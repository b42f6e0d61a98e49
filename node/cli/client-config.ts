import { copyFile, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readJson } from '../config/index.ts';
import { makeFolder } from '../files/index.ts';
import type { KnownClient } from './clients.ts';
import { CliError } from './exit.ts';

export interface BridgeEntry {
  readonly command: string;
  readonly args: readonly string[];
}

export interface Planned {
  readonly file: string;
  readonly before: string | undefined;
  readonly after: string;
}

const NAME = 'village';

/** The client's configuration with the bridge in it, everything else as it was. Errors: CLIENT_CONFIG where it is not plain JSON. */
export async function planEntry(client: KnownClient, file: string, entry: BridgeEntry): Promise<Planned> {
  const before = await textOf(file);
  const read = before === undefined || before.trim() === '' ? { kind: 'value' as const, value: {} } : readJson(before);
  const byHand = `add it by hand, under "${client.block}": ${JSON.stringify({ [NAME]: { ...client.extra, ...entry } })}`;
  if (read.kind === 'broken') {
    throw new CliError('CLIENT_CONFIG', `${file}:${read.line}:${read.column}: ${read.problem}; it is left as it is`, {
      hint: byHand,
    });
  }
  const config = read.value;
  const block = isObject(config) ? (config[client.block] ?? {}) : undefined;
  if (!isObject(config) || !isObject(block)) {
    throw new CliError(
      'CLIENT_CONFIG',
      `${file} is not shaped like a configuration of ${client.title}; it is left as it is`,
      { hint: byHand },
    );
  }
  const after = { ...config, [client.block]: { ...block, [NAME]: { ...client.extra, ...entry } } };
  return { file, before, after: `${JSON.stringify(after, null, 2)}\n` };
}

/** Writes the plan whole or not at all, and keeps what was there beside it. Answers the backup's name, where one was needed. */
export async function applyPlan(plan: Planned, options: { stamp: string }): Promise<string | undefined> {
  makeFolder(dirname(plan.file));
  const backup = plan.before === undefined ? undefined : `${plan.file}.before-village-${options.stamp}`;
  if (backup !== undefined) await copyFile(plan.file, backup);
  const mode = plan.before === undefined ? 0o600 : (await stat(plan.file)).mode & 0o777;
  const temporary = `${plan.file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', mode);
  try {
    await handle.writeFile(plan.after);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, plan.file);
  return backup;
}

/** Whether the bridge stands in the client's configuration. */
export async function isConnected(client: KnownClient, file: string): Promise<boolean> {
  const text = await textOf(file);
  const read = text === undefined ? undefined : readJson(text);
  if (read?.kind !== 'value' || !isObject(read.value)) return false;
  const block = read.value[client.block];
  return isObject(block) && Object.hasOwn(block, NAME);
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CliError('CLIENT_CONFIG', `cannot read ${file}`, { cause: error });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
