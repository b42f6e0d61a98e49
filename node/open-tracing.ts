import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { type Config, ConfigError } from './config/index.ts';
import { readPrivateFile } from './identity/index.ts';
import { type EventBus, type ExporterFigures, SpanExporter } from './telemetry/index.ts';

const Headers = z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[\x20-\x7e]*$/));
const TIMEOUT_MS = 10_000;
/** The last spans hold the end of a node up no longer than this. */
const GRACE_MS = 1_000;

export interface Tracing {
  readonly endpoint: string;
  figures(): ExporterFigures;
  stop(): Promise<void>;
}

/** Sends the spans of traced calls where the configuration says; undefined: nowhere. Errors: ConfigError, IdentityError (KEY_EXPOSED). */
export function openTracing(
  { telemetry }: Config,
  foundation: { readonly dataDir: string; readonly bus: EventBus; readonly nodeId: string; readonly version: string },
): Tracing | undefined {
  const { otlp } = telemetry;
  if (otlp === undefined) return undefined;
  const { dataDir, bus, nodeId, version } = foundation;
  const { endpoint, headersFile } = otlp;
  const headers = () => (headersFile === undefined ? {} : headersIn(inFolder(dataDir, headersFile)));
  headers();
  const exporter = new SpanExporter(bus, { endpoint, headers, by: { nodeId, version }, timeoutMs: TIMEOUT_MS });
  return {
    endpoint,
    figures: () => exporter.figures,
    stop: () => exporter.stop({ graceMs: GRACE_MS }),
  };
}

function headersIn(file: string): Readonly<Record<string, string>> {
  const text = readPrivateFile(file);
  if (text === undefined)
    throw new ConfigError('CONFIG_NOT_FOUND', `there is no file ${file} (telemetry.otlp.headersFile)`);
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  const read = Headers.safeParse(said);
  if (read.success) return read.data;
  throw new ConfigError('CONFIG_INVALID', `${file} is no JSON object of headers, each a name and a text`);
}

function inFolder(dataDir: string, path: string): string {
  return isAbsolute(path) ? path : join(dataDir, path);
}
