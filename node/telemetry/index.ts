export { createEventBus } from './bus.ts';
export type { EventBus, EventName, Events, Reporter } from './events.ts';
export type { LogLevel } from './importance.ts';
export { type LogOptions, writeLog } from './log.ts';
export type { FogFigures } from './fog-metrics.ts';
export { type AuditFigures, createMetrics, type Metrics, type MetricsSources } from './metrics.ts';
export { OPENMETRICS_CONTENT_TYPE } from './openmetrics.ts';
export { redacted } from './redact.ts';
