import type { SpanJson } from './span-json.ts';

/** Who sends: attributes of the resource. */
export interface SentBy {
  readonly version: string;
  readonly nodeId: string;
}

export interface CollectorOptions {
  /** Base URL of a collector; `/v1/traces` is added. */
  readonly endpoint: string;
  /** Read for each request, so that a renewed secret is in force at once. Throws why it cannot be had. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly by: SentBy;
  readonly timeoutMs: number;
}

/** `again`: the same may be tried later, not before `afterMs` where that is said. `problem` is in our own words. */
export type Delivery =
  | { readonly kind: 'taken'; readonly rejected: number; readonly problem?: string }
  | { readonly kind: 'again'; readonly problem: string; readonly afterMs?: number | undefined }
  | { readonly kind: 'refused'; readonly problem: string };

const RETRIED = new Set([429, 502, 503, 504]);
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_WAIT_S = 3_600;

/** Sends spans by OTLP/HTTP with JSON. Never rejects. */
export async function deliver(
  spans: readonly SpanJson[],
  options: CollectorOptions & { readonly signal: AbortSignal },
): Promise<Delivery> {
  const { endpoint, by, timeoutMs, signal } = options;
  let headers: Readonly<Record<string, string>>;
  try {
    headers = options.headers();
  } catch (error) {
    return { kind: 'again', problem: error instanceof Error ? error.message : 'the headers file cannot be read' };
  }
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(tracesUrl(endpoint), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(request(spans, by)),
      redirect: 'manual',
      signal: AbortSignal.any([signal, late]),
    });
    return await verdict(response);
  } catch (error) {
    return { kind: 'again', problem: late.aborted ? `no answer within ${timeoutMs} ms` : whyUnreached(error) };
  }
}

function tracesUrl(endpoint: string): string {
  return `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}

function request(spans: readonly SpanJson[], { version, nodeId }: SentBy): object {
  const attributes = [
    { key: 'service.name', value: { stringValue: 'village' } },
    { key: 'service.version', value: { stringValue: version } },
    { key: 'service.instance.id', value: { stringValue: nodeId } },
  ];
  const scope = { name: 'village', version };
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans }] }] };
}

async function verdict(response: Response): Promise<Delivery> {
  const { status } = response;
  const answer = await firstBytes(response);
  const problem = `the collector answered ${status}`;
  if (response.ok) return taken(answer);
  if (!RETRIED.has(status)) return { kind: 'refused', problem };
  return { kind: 'again', problem, afterMs: waitOf(response.headers.get('retry-after')) };
}

/** A collector may take a request and yet refuse some of its spans. */
function taken(answer: string): Delivery {
  let rejected = 0;
  try {
    const said = JSON.parse(answer) as { partialSuccess?: { rejectedSpans?: unknown } } | null;
    // A 64-bit number: text by the rules, a number in what some collectors write.
    rejected = Number(said?.partialSuccess?.rejectedSpans ?? 0);
  } catch {
    // An empty answer, or one in protobuf: there is nothing in it that we need.
  }
  if (!Number.isSafeInteger(rejected) || rejected <= 0) return { kind: 'taken', rejected: 0 };
  return { kind: 'taken', rejected, problem: `the collector did not take ${rejected} of the spans` };
}

/** Reads to the end so that the connection serves again, but keeps little. */
async function firstBytes(response: Response): Promise<string> {
  if (response.body === null) return '';
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > MAX_ANSWER_BYTES) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** `Retry-After`: seconds, or a date. */
function waitOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const seconds = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_WAIT_S) * 1000;
}

function whyUnreached(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code).slice(0, 40) : undefined;
  return `the collector cannot be reached${code === undefined ? '' : ` (${code})`}`;
}
