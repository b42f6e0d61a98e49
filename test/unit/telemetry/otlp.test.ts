import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEventBus, type EventBus, SpanExporter } from '../../../node/telemetry/index.ts';
import { attributesOf, Collector } from '../../support/collector.ts';
import { until } from '../../support/until.ts';

let collector: Collector;
let bus: EventBus;
const open: SpanExporter[] = [];

beforeEach(async () => {
  collector = await Collector.listen();
  bus = createEventBus();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((exporter) => exporter.stop({ graceMs: 0 })));
  await collector.close();
});

function exporting(options: Partial<ConstructorParameters<typeof SpanExporter>[1]> = {}): SpanExporter {
  const exporter = new SpanExporter(bus, {
    endpoint: collector.endpoint,
    headers: () => ({}),
    by: { version: '1.2.3', nodeId: '12D3KooWx' },
    timeoutMs: 2_000,
    everyMs: 5,
    backoffMs: 10,
    chance: () => 0,
    ...options,
  });
  open.push(exporter);
  return exporter;
}

/** One traced call ends. */
function done(nth = 1, traceId = '0af7651916cd43dd8448eb211c80319c'): void {
  const told = { method: 'tools/call', server: 's', outcome: 'ok', reason: '', durationMs: 1.5 };
  const span = {
    ...{ traceId, spanId: nth.toString(16).padStart(16, '0'), parentSpanId: 'b7ad6b7169203331', parentIsRemote: true },
    ...{ startedAt: 100, agent: 'ann', callId: '00ff', name: 'look', errorCode: undefined },
  };
  bus.report('call.done', { ...told, kind: 'call', target: 'look', span });
}

const answers =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  (response: ServerResponse) =>
    void response.writeHead(status, headers).end(body);
const arrived = (count: number) => until(() => collector.spans.length === count);

describe('spans on their way to a collector', () => {
  test('have the form of OTLP with JSON, frozen', async () => {
    exporting();
    done();
    await arrived(1);
    expect(collector.problems).toEqual([]);
    const { resourceSpans } = JSON.parse(collector.received[0]?.body ?? '') as { resourceSpans: object[] };
    const [{ startTimeUnixNano, endTimeUnixNano } = { startTimeUnixNano: '', endTimeUnixNano: '' }] = collector.spans;
    expect(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)).toBe(1_500_000n);
    expect(Math.abs(Number(startTimeUnixNano) / 1e6 - performance.timeOrigin - 100)).toBeLessThan(1_000);
    const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    expect(resourceSpans).toEqual([
      {
        resource: {
          attributes: [
            text('service.name', 'village'),
            text('service.version', '1.2.3'),
            text('service.instance.id', '12D3KooWx'),
          ],
        },
        scopeSpans: [
          {
            scope: { name: 'village', version: '1.2.3' },
            spans: [
              {
                traceId: '0af7651916cd43dd8448eb211c80319c',
                spanId: '0000000000000001',
                parentSpanId: 'b7ad6b7169203331',
                flags: 769,
                name: 'tools/call look',
                kind: 2,
                startTimeUnixNano,
                endTimeUnixNano,
                attributes: [
                  text('village.side', 'call'),
                  text('mcp.method.name', 'tools/call'),
                  text('gen_ai.operation.name', 'execute_tool'),
                  text('gen_ai.tool.name', 'look'),
                  text('village.server', 's'),
                  text('village.agent', 'ann'),
                  text('village.call_id', '00ff'),
                  text('village.outcome', 'ok'),
                ],
                status: {},
              },
            ],
          },
        ],
      },
    ]);
  });

  test('go together, in batches of bounded size', async () => {
    exporting({ maxBatch: 4 });
    for (let nth = 1; nth <= 10; nth += 1) done(nth);
    await arrived(10);
    const sizes = collector.received.map(({ body }) => body.split('"spanId"').length - 1);
    expect(Math.max(...sizes)).toBe(4);
  });

  test('carry the headers of the moment', async () => {
    let secret = 'one';
    exporting({ headers: () => ({ authorization: `Bearer ${secret}` }) });
    done(1);
    await arrived(1);
    secret = 'two';
    done(2);
    await arrived(2);
    expect(collector.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two']);
  });

  test('that are no part of a trace are not sent', async () => {
    const exporter = exporting();
    bus.report('call.done', {
      ...{ kind: 'call', method: 'tools/call', server: 's', target: 't', outcome: 'ok', reason: '', durationMs: 1 },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    });
    expect(exporter.figures.queued).toBe(0);
  });
});

describe('a collector that is busy', () => {
  test.each([429, 502, 503, 504])('with %i is asked again, and has each span once', async (status) => {
    const exporter = exporting();
    collector.answer = (response, nth) => (nth < 3 ? answers(status)(response) : answers(200)(response));
    done();
    await until(() => exporter.figures.exported === 1);
    expect(collector.received).toHaveLength(3);
    expect(exporter.figures).toMatchObject({ dropped: { full: 0, refused: 0, unreached: 0 }, failing: undefined });
  });

  test('is left alone for as long as it says', async () => {
    const exporter = exporting();
    const times: number[] = [];
    collector.answer = (response, nth) => {
      times.push(performance.now());
      answers(nth === 1 ? 503 : 200, nth === 1 ? { 'retry-after': '1' } : {})(response);
    };
    done();
    await until(() => exporter.figures.exported === 1);
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(990);
  });

  test('for too long loses the batch, and the next has its turn', async () => {
    const exporter = exporting({ backoffMs: 1 });
    collector.answer = answers(503);
    done(1);
    await until(() => exporter.figures.dropped.unreached === 1);
    collector.answer = answers(200);
    done(2);
    await until(() => exporter.figures.exported === 1);
    expect(exporter.figures.failing).toBeUndefined();
  });
});

describe('a collector that says no', () => {
  test('is not asked again with the same', async () => {
    const exporter = exporting();
    collector.answer = answers(401);
    done();
    await until(() => exporter.figures.dropped.refused === 1);
    expect(exporter.figures.failing?.problem).toBe('the collector answered 401');
    collector.answer = answers(200);
    done(2);
    await until(() => exporter.figures.exported === 1);
    expect(collector.received).toHaveLength(2);
  });

  test('to some spans is believed, whether it counts in text or in numbers', async () => {
    const exporter = exporting();
    const counts = ['"1"', '1'];
    collector.answer = (response, nth) =>
      answers(200, {}, `{"partialSuccess":{"rejectedSpans":${counts[nth - 1]},"errorMessage":"no"}}`)(response);
    done(1);
    await until(() => exporter.figures.dropped.refused === 1);
    done(2);
    await until(() => exporter.figures.dropped.refused === 2);
    expect(exporter.figures.exported).toBe(0);
  });

  test('by a redirection is not followed with what is secret', async () => {
    const exporter = exporting({ headers: () => ({ authorization: 'secret' }) });
    const elsewhere = await Collector.listen();
    collector.answer = answers(307, { location: `${elsewhere.endpoint}/v1/traces` });
    done();
    await until(() => exporter.figures.dropped.refused === 1);
    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });

  test.each([
    ['nothing', ''],
    ['no JSON', 'not JSON'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a count below 0', '{"partialSuccess":{"rejectedSpans":-4}}'],
    ['more than anybody reads', 'x'.repeat(200_000)],
  ])('in no way at all, when it answers with 200 and %s', async (_what, body) => {
    const exporter = exporting();
    collector.answer = answers(200, {}, body);
    done();
    await until(() => exporter.figures.exported === 1);
    expect(exporter.figures.failing).toBeUndefined();
  });
});

describe('a collector that is not there', () => {
  test('costs no more than a bounded queue, and what has no room is counted', async () => {
    const { endpoint } = collector;
    await collector.close();
    const exporter = exporting({ endpoint, maxBatch: 4, maxQueue: 10, backoffMs: 60_000 });
    const events: unknown[] = [];
    bus.on('telemetry.failing', (event) => events.push(event));
    for (let nth = 1; nth <= 4; nth += 1) done(nth);
    await until(() => exporter.figures.failing);
    for (let nth = 5; nth <= 30; nth += 1) done(nth);
    expect(exporter.figures).toMatchObject({
      queued: 10,
      dropped: { full: 16, refused: 0, unreached: 0 },
      exported: 0,
    });
    expect(events).toEqual([{ problem: 'the collector cannot be reached (ECONNREFUSED)' }]);
  });

  test('is tried again, and told once when it is back', async () => {
    const { port } = new URL(collector.endpoint);
    const { endpoint } = collector;
    await collector.close();
    const exporter = exporting({ endpoint });
    const told: string[] = [];
    bus.onAny((name) => name.startsWith('telemetry.') && told.push(name));
    done();
    await until(() => exporter.figures.failing);
    collector = await Collector.listen(Number(port));
    await until(() => exporter.figures.exported === 1);
    expect(told).toEqual(['telemetry.failing', 'telemetry.working']);
  });

  test('or hangs: nobody waits for it longer than its time', async () => {
    const exporter = exporting({ timeoutMs: 50 });
    collector.answer = () => undefined;
    done();
    await until(() => exporter.figures.failing?.problem === 'no answer within 50 ms');
  });

  test('for want of its headers is told in our own words', async () => {
    const exporter = exporting({
      headers: () => {
        throw new Error('there is no file headers.json');
      },
    });
    done();
    await until(() => exporter.figures.failing?.problem === 'there is no file headers.json');
    expect(collector.received).toEqual([]);
  });
});

describe('an exporter that stops', () => {
  test('sends all that waits first', async () => {
    const exporter = exporting({ everyMs: 60_000, maxBatch: 4 });
    for (let nth = 1; nth <= 3; nth += 1) done(nth);
    await exporter.stop({ graceMs: 5_000 });
    expect(collector.spans).toHaveLength(3);
    expect(exporter.figures).toMatchObject({ queued: 0, exported: 3 });
  });

  test('waits for a collector that hangs no longer than it may, and counts what is lost', async () => {
    const exporter = exporting({ everyMs: 60_000, maxBatch: 2, timeoutMs: 60_000 });
    collector.answer = () => undefined;
    for (let nth = 1; nth <= 5; nth += 1) done(nth);
    const began = performance.now();
    await exporter.stop({ graceMs: 100 });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(exporter.figures).toMatchObject({ queued: 0, exported: 0, dropped: { unreached: 5 } });
  });

  test('does not wait out what a busy collector asks for', async () => {
    const exporter = exporting();
    collector.answer = answers(503, { 'retry-after': '3600' });
    done();
    await until(() => exporter.figures.failing);
    const began = performance.now();
    await exporter.stop({ graceMs: 10_000 });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(exporter.figures.dropped.unreached).toBe(1);
  });

  test('hears of nothing more', async () => {
    const exporter = exporting();
    await exporter.stop({ graceMs: 1_000 });
    done();
    expect(exporter.figures.queued).toBe(0);
  });
});

test('a span of a call on its way says where it goes', async () => {
  exporting();
  const span = {
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentSpanId: '00f067aa0ba902b7' },
    ...{ parentIsRemote: false, startedAt: 1, agent: 'ann', callId: '00', name: undefined, errorCode: -32006 },
  };
  bus.report('call.forwarded', {
    ...{ to: 'peer', peer: '12D3KooWy', method: 'resources/read', server: 's', outcome: 'failed' },
    ...{ reason: 'NO_HEALTHY_SERVER', durationMs: 2, span },
  });
  await arrived(1);
  const [sent] = collector.spans;
  expect(sent).toMatchObject({ kind: 3, name: 'resources/read', flags: 0x101, status: { code: 2 } });
  expect(attributesOf(sent as never)).toEqual({
    'network.transport': 'tcp',
    'village.peer': '12D3KooWy',
    'mcp.method.name': 'resources/read',
    'village.server': 's',
    'village.agent': 'ann',
    'village.call_id': '00',
    'village.outcome': 'failed',
    'village.reason': 'NO_HEALTHY_SERVER',
    'rpc.response.status_code': '-32006',
    'error.type': '-32006',
  });
});
