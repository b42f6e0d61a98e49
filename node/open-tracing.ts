import { collectorHeaders } from './collector-headers.ts';
import type { Config } from './config/index.ts';
import { type EventBus, type ExporterFigures, SpanExporter } from './telemetry/index.ts';

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
  const headers = () => (headersFile === undefined ? {} : collectorHeaders(headersFile, dataDir));
  headers();
  const exporter = new SpanExporter(bus, { endpoint, headers, by: { nodeId, version }, timeoutMs: TIMEOUT_MS });
  return {
    endpoint,
    figures: () => exporter.figures,
    stop: () => exporter.stop({ graceMs: GRACE_MS }),
  };
}
