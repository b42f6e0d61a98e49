import { z } from 'zod';
import { LOG_AREAS, LOG_LEVELS, type LogArea } from '../telemetry/index.ts';

const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/;

const Otlp = z
  .strictObject({
    endpoint: z
      .url({
        protocol: /^https?$/,
        abort: true,
        error: 'an http or https URL, as http://127.0.0.1:4318: OTLP over HTTP, not gRPC',
      })
      .refine((url) => new URL(url).username === '' && new URL(url).password === '', 'put secrets in `headersFile`')
      .refine((url) => !/[?#]/.test(url), 'a base URL, as http://127.0.0.1:4318')
      .describe('base URL of an OpenTelemetry collector that takes OTLP/HTTP; spans go to /v1/traces there'),
    headersFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'JSON file (name → value) of headers to send, as authorization; readable by its owner alone. Its path starts at the data folder',
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('share of the calls that are traced where their caller does not say by `traceparent` whether to'),
    askedPerMinute: z
      .int()
      .positive()
      .default(600)
      .describe(
        'traces that one agent has by its own `traceparent` a minute; of its further calls `sampleRatio` decides too',
      ),
  })
  .refine(
    ({ endpoint, headersFile }) =>
      headersFile === undefined || endpoint.startsWith('https:') || LOOPBACK.test(new URL(endpoint).hostname),
    'headers go over https, or to loopback',
  );

const Level = z.enum(LOG_LEVELS);
const areas = Object.fromEntries(
  LOG_AREAS.map((area) => [area, Level.optional().describe('of this part of the node')]),
) as Record<LogArea, z.ZodOptional<typeof Level>>;

export const LogConfig = z.strictObject({
  level: Level.default('info').describe('the least important lines that are written'),
  areas: z.strictObject(areas).prefault({}).describe('area → level, where it differs'),
  format: z.enum(['text', 'json']).default('text').describe('of a line on stderr'),
});

/** What leaves a node about its work, besides what is asked of it. */
export const TelemetryConfig = z.strictObject({
  otlp: Otlp.optional().describe('traces of calls to an OpenTelemetry collector; without this none are made'),
});
