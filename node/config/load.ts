import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type Origins, originsOf } from './origins.ts';
import { type Flags, parseConfig } from './parse.ts';
import type { Config } from './schema.ts';

const CONFIG_FILE = 'village.json';
const MAX_BYTES = 1024 * 1024;

export interface ConfigSource {
  readonly dataDir: string;
  /** `--config`: must exist. Without it `village.json` of the data folder is read, where there is one. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the command line sets; wins over the file. */
  readonly flags?: Flags | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, or would have been. */
  readonly file: string;
  readonly present: boolean;
  /** What was accepted and changes nothing, one line each. */
  readonly notices: readonly string[];
  readonly origins: Origins;
  /** The text read, to tell a change from a touch. */
  readonly text: string;
}

/** Reads, expands and checks the configuration. Errors: ConfigError. */
export async function loadConfig(source: ConfigSource): Promise<LoadedConfig> {
  const file = configFileOf(source);
  const text = await readConfigFile(file, source.file !== undefined);
  const parsed = parseConfig(text ?? '{}', { name: file, env: source.env, flags: source.flags });
  const origins = originsOf(parsed.config, {
    file: text === undefined ? {} : parsed.written,
    flags: source.flags ?? {},
    fromEnvironment: parsed.fromEnvironment,
  });
  return {
    config: parsed.config,
    notices: parsed.notices,
    file,
    present: text !== undefined,
    origins,
    text: text ?? '',
  };
}

export function configFileOf(source: Pick<ConfigSource, 'dataDir' | 'file'>): string {
  return source.file ?? join(source.dataDir, CONFIG_FILE);
}

async function readConfigFile(file: string, required: boolean): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new ConfigError('CONFIG_TOO_LARGE', `${file} is over ${MAX_BYTES} bytes`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && !required) return undefined;
    if (missing) {
      throw new ConfigError('CONFIG_NOT_FOUND', `there is no configuration file ${file}`, {
        cause: error,
        hint: 'check the path given to --config',
      });
    }
    throw new ConfigError('CONFIG_UNREADABLE', `cannot read ${file}`, {
      cause: error,
      hint: 'check that it is a file you may read',
    });
  }
}
