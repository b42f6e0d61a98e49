import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { createEventBus, createMetrics, type EventBus, type Metrics } from '../../../node/telemetry/index.ts';
import { counter, exposition, gauge } from '../../../node/telemetry/openmetrics.ts';
import { Histogram } from '../../../node/telemetry/histogram.ts';
import { readOpenMetrics } from '../../support/openmetrics.ts';

const open: Metrics[] = [];
afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});
function metricsOf(tell: (bus: EventBus) => void): string[] {
  const bus = createEventBus();
  const metrics = createMetrics(bus, {
    peers: () => 3,
    serverStates: () => ['healthy', 'healthy', 'down'],
    callsInFlight: () => 7,
    sessions: () => 4,
    subscriptions: () => 1,
    audit: () => ({ entries: 7, bytes: 512, unwitnessed: 3, unwitnessedSeconds: 1.5, witnesses: 2, contradictions: 0 }),
    missingServers: () => 2,
    cache: () => ({ hits: 5, coalesced: 2, misses: 9, entries: 3, bytes: 4096 }),
    spans: () => ({ exported: 10, queued: 4, dropped: { full: 1, refused: 2, unreached: 3 }, failing: undefined }),
    fog: () => ({
      amounts: {
        capacity: { cpuMilli: 4_000, memMib: 8_192, diskMib: 0, gpus: 1 },
        free: { cpuMilli: 1_000, memMib: 8_192, diskMib: 0, gpus: 0 },
        held: { cpuMilli: 500, memMib: 0, diskMib: 0, gpus: 0 },
        committed: { cpuMilli: 2_500, memMib: 0, diskMib: 0, gpus: 1 },
      },
      placements: new Map([['running', 2]]),
      slots: new Map([['blocked', 1]]),
    }),
  });
  open.push(metrics);
  tell(bus);
  return metrics.text().split('\n');
}
const done = (target: string, outcome = 'ok', durationMs = 4) =>
  ({ kind: 'call', method: 'tools/call', server: 'everything', target, outcome, reason: '', durationMs }) as const;

test('the operator’s page names every metric, and none that is not there', () => {
  const page = readFileSync(new URL('../../../node/README.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/`((?:mcp_server|village|process|nodejs)_[a-z_]*[a-z])`/g)].map(([, name]) => name);
  const types = metricsOf(() => undefined).flatMap((line) => {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    return name === undefined ? [] : [type === 'counter' ? `${name}_total` : name];
  });
  expect(types.length).toBeGreaterThan(30);
  expect([...new Set(told)].toSorted()).toEqual(types.toSorted());
});

describe('the exposition', () => {
  test('is OpenMetrics, frozen', () => {
    const histogram = new Histogram({
      name: 'took_seconds',
      help: 'How long.',
      bounds: [0.1, 1],
      maxSeries: 9,
      other: {},
    });
    histogram.observe('a', 0.1, { labels: () => ({ tool: 'a"\\\n' }) });
    histogram.observe('a', 5, { labels: () => ({ tool: 'unused' }) });
    const text = exposition([
      counter({ name: 'calls', help: 'Calls \\ made.' }, () => 2),
      gauge({ name: 'size_bytes', unit: 'bytes', help: 'Size.' }, () => [[{ of: 'x' }, 1.5]]),
      histogram,
    ]);
    expect(text).toBe(
      [
        '# TYPE calls counter',
        '# HELP calls Calls \\\\ made.',
        'calls_total 2',
        '# TYPE size_bytes gauge',
        '# UNIT size_bytes bytes',
        '# HELP size_bytes Size.',
        'size_bytes{of="x"} 1.5',
        '# TYPE took_seconds histogram',
        '# UNIT took_seconds seconds',
        '# HELP took_seconds How long.',
        'took_seconds_bucket{tool="a\\"\\\\\\n",le="0.1"} 1',
        'took_seconds_bucket{tool="a\\"\\\\\\n",le="1.0"} 1',
        'took_seconds_bucket{tool="a\\"\\\\\\n",le="+Inf"} 2',
        'took_seconds_count{tool="a\\"\\\\\\n"} 2',
        'took_seconds_sum{tool="a\\"\\\\\\n"} 5.1',
        '# EOF',
        '',
      ].join('\n'),
    );
  });
});

describe('the exposition of a node', () => {
  test('is OpenMetrics to the letter, whatever servers and tools are called', () => {
    const names = ['plain', 'a"b', 'a\\b', 'a\nb', '{}', 'le="1"', '\ud800', '\u2028', ''];
    const text = metricsOf((bus) => {
      for (const name of names) {
        bus.report('call.done', { ...done(name), server: name });
        bus.report('call.done', { ...done(name, 'denied'), reason: name });
        bus.report('call.refused', { stage: name, reason: name });
        bus.report('background.failed', { area: name, error: undefined });
        bus.report('threat.blocked', { agent: 'a', server: name, target: name, score: 1, signals: name });
      }
      for (let nth = 0; nth < 500; nth += 1) {
        bus.report('call.done', { ...done(`t${nth}`), durationMs: nth });
        bus.report('call.refused', { stage: 's', reason: `r${nth}` });
      }
      bus.report('audit.flushed', { entries: 3, durationMs: 12 });
      bus.report('overload.changed', { levels: 2, delay: 1, inFlight: 1, memory: 1 });
    }).join('\n');
    const families = readOpenMetrics(text);
    expect(families.length).toBeGreaterThan(30);
    expect(families.filter(({ help }) => help === '')).toEqual([]);
    const calls = families.find(({ name }) => name === 'mcp_server_operation_duration_seconds');
    expect(calls).toMatchObject({ type: 'histogram', unit: 'seconds' });
    const tools = new Set(calls?.samples.map(({ labels }) => labels['tool']));
    for (const name of names) expect(tools).toContain(name.toWellFormed());
    // Text of a caller's making cannot make it grow without end.
    for (const { name, samples } of families) expect(samples.length, name).toBeLessThanOrEqual(201 * 17);
  });

  test('tells what became of reusable results, and of spans where they are sent', () => {
    const lines = metricsOf(() => undefined);
    expect(lines).toEqual(expect.arrayContaining(['village_cache_lookups_total{result="hit"} 5']));
    expect(lines).toContain('village_cache_lookups_total{result="coalesced"} 2');
    expect(lines).toContain('village_cache_lookups_total{result="miss"} 9');
    expect(lines).toContain('village_cache_bytes 4096');
    expect(lines).toContain('village_spans_exported_total 10');
    expect(lines).toContain('village_spans_dropped_total{reason="full"} 1');
    expect(lines).toContain('village_spans_dropped_total{reason="unreached"} 3');
    expect(lines).toContain('village_spans_queued 4');
  });
});

describe('the metrics of a node', () => {
  test('measure calls by method, server and tool', () => {
    const lines = metricsOf((bus) => {
      bus.report('call.done', done('echo'));
      bus.report('call.done', { ...done('file:///etc/passwd'), method: 'resources/read' });
    });
    expect(lines).toContain(
      'mcp_server_operation_duration_seconds_bucket{mcp_method_name="tools/call",server="everything",tool="echo",le="0.0025"} 0',
    );
    expect(lines).toContain(
      'mcp_server_operation_duration_seconds_bucket{mcp_method_name="tools/call",server="everything",tool="echo",le="0.005"} 1',
    );
    expect(lines).toContain(
      'mcp_server_operation_duration_seconds_count{mcp_method_name="resources/read",server="everything",tool=""} 1',
    );
    expect(lines.join('\n')).not.toContain('passwd');
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
  });

  test('keep at most 200 label sets, and none for tools that nobody has', () => {
    const lines = metricsOf((bus) => {
      for (let i = 0; i < 500; i += 1) bus.report('call.done', done(`invented-${i}`, 'failed'));
      for (let i = 0; i < 300; i += 1) bus.report('call.done', done(`tool-${i}`));
      bus.report('call.done', done('tool-1', 'failed'));
    });
    const counts = lines.filter((line) => line.startsWith('mcp_server_operation_duration_seconds_count'));
    expect(counts).toHaveLength(201);
    expect(counts).toContain(
      'mcp_server_operation_duration_seconds_count{mcp_method_name="other",server="other",tool="other"} 600',
    );
    expect(counts).toContain(
      'mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",server="everything",tool="tool-1"} 2',
    );
    expect(lines.join('\n')).not.toContain('invented');
  });

  test('count refusals by stage and reason, in bounded number', () => {
    const lines = metricsOf((bus) => {
      bus.report('call.refused', { stage: 'authenticate', reason: 'exp' });
      bus.report('call.refused', { stage: 'authenticate', reason: 'exp' });
      bus.report('call.done', { ...done('echo', 'denied'), reason: 'level' });
      for (let i = 0; i < 1000; i += 1) bus.report('call.refused', { stage: 'x', reason: String(i) });
    });
    const refusals = lines.filter((line) => line.startsWith('village_refusals_total'));
    expect(refusals).toHaveLength(201);
    expect(refusals).toContain('village_refusals_total{stage="authenticate",reason="exp"} 2');
    expect(refusals).toContain('village_refusals_total{stage="call",reason="level"} 1');
    expect(refusals).toContain('village_refusals_total{stage="other",reason="other"} 802');
  });

  test('tell peers, servers by state, calls in flight, audit flushes and the process', () => {
    const lines = metricsOf((bus) => bus.report('audit.flushed', { entries: 12, durationMs: 2 }));
    expect(lines).toEqual(
      expect.arrayContaining([
        'village_sessions 4',
        'village_subscriptions 1',
        'village_peers 3',
        'village_servers{state="healthy"} 2',
        'village_servers{state="down"} 1',
        'village_calls_in_flight 7',
        'village_servers_missing 2',
        'village_audit_changes_total 12',
        'village_audit_flush_duration_seconds_bucket{le="0.0025"} 1',
        'village_audit_flush_duration_seconds_sum 0.002',
        expect.stringMatching(/^process_cpu_seconds_total \d/),
        expect.stringMatching(/^process_resident_memory_bytes \d{7,}$/),
        expect.stringMatching(/^nodejs_heap_size_used_bytes \d{6,}$/),
        expect.stringMatching(/^nodejs_heap_size_total_bytes \d{6,}$/),
        expect.stringMatching(/^nodejs_external_memory_bytes \d{4,}$/),
        expect.stringMatching(/^nodejs_array_buffers_bytes \d+$/),
        expect.stringMatching(/^nodejs_eventloop_lag_seconds\{stat="p99"\} \d/),
      ]),
    );
  });
});

describe('fog', () => {
  const changed = {
    of: 'placement',
    id: 'p',
    from: 'none',
    to: 'committed',
    because: 'accepted',
    peer: '',
    fence: '1.1',
  };

  test('what a node has, and in which states what it runs and owns is', () => {
    const lines = metricsOf(() => undefined);
    for (const line of [
      'village_fog_capacity{resource="cpu_milli"} 4000',
      'village_fog_free{resource="gpus"} 0',
      'village_fog_held{resource="cpu_milli"} 500',
      'village_fog_committed{resource="gpus"} 1',
      'village_fog_shards{state="running"} 2',
      'village_fog_slots{state="running"} 0',
      'village_fog_slots{state="blocked"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  test('placements, refusals by code and leases that ran out are counted once each', () => {
    const lines = metricsOf((bus) => {
      bus.report('fog.changed', changed);
      bus.report('fog.changed', { ...changed, from: 'committed', to: 'fetching', because: 'fetching' });
      bus.report('fog.changed', { ...changed, of: 'reservation', to: 'denied', because: 'INSUFFICIENT' });
      bus.report('fog.changed', { ...changed, of: 'reservation', to: 'denied', because: 'INSUFFICIENT' });
      bus.report('fog.changed', { ...changed, from: 'running', to: 'stopping', because: 'lease' });
      bus.report('fog.changed', { ...changed, from: 'stopping', to: 'stopped', because: 'lease' });
      bus.report('fog.changed', { ...changed, of: 'slot', from: 'fenced', to: 'pending', because: 'lease' });
    });
    for (const line of [
      'village_fog_placements_total{side="here"} 1',
      'village_fog_refusals_total{code="INSUFFICIENT"} 2',
      'village_fog_leases_lost_total{side="here"} 1',
      'village_fog_leases_lost_total{side="owned"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });
});
