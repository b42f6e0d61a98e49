import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config/index.ts';
import { readPrivateFile } from './identity/index.ts';

const Headers = z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[\x20-\x7e]*$/));
const HINT = 'Write an object like {"authorization": "Bearer …"} there; its path starts at the data folder.';

/** What `telemetry.otlp.headersFile` has for a collector. Errors: ConfigError, IdentityError (KEY_EXPOSED); none repeats a value. */
export function collectorHeaders(path: string, dataDir: string): Readonly<Record<string, string>> {
  const file = resolve(dataDir, path);
  const text = readPrivateFile(file);
  if (text === undefined)
    throw new ConfigError('CONFIG_NOT_FOUND', `there is no file ${file} (telemetry.otlp.headersFile)`, { hint: HINT });
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  const read = Headers.safeParse(said);
  if (read.success) return read.data;
  throw new ConfigError('CONFIG_INVALID', `${file} is no JSON object of headers, each a name and a text`, {
    hint: HINT,
  });
}
