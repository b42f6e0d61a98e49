import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cacheFamilies, type CacheFigures } from './cache-metrics.ts';
import type { EventBus, Events } from './events.ts';
import { type FogFigures, fogMetrics } from './fog-metrics.ts';
import { Histogram } from './histogram.ts';
import { counter, exposition, type Family, gauge, type Labels } from './openmetrics.ts';
import type { ExporterFigures } from './otlp/exporter.ts';
import { exporterFamilies } from './otlp/exporter-metrics.ts';
import { processFamilies } from './process-metrics.ts';

/** What a node can be asked for when its metrics are read. */
export interface AuditFigures {
  readonly entries: number;
  /** On disk. */
  readonly bytes: number;
  /** Entries that no other node vouches for, and for how long the oldest of them at most. */
  readonly unwitnessed: number;
  readonly unwitnessedSeconds: number;
  readonly witnesses: number;
  readonly contradictions: number;
}

export interface MetricsSources {
  /** Admitted peers connected now. */
  peers(): number;
  /** The state of each server this node hosts. */
  serverStates(): Iterable<string>;
  /** Servers that agents could count on and that are not there now. */
  missingServers(): number;
  /** Calls being worked on now. */
  callsInFlight(): number;
  /** Sessions of agents, and `subscriptions/listen` streams, open at the gateway. */
  sessions(): number;
  subscriptions(): number;
  audit(): AuditFigures;
  /** Absent: no part of what is measured. */
  fog?(): FogFigures;
  cache?(): CacheFigures;
  /** Absent where no spans are sent. */
  spans?: (() => ExporterFigures) | undefined;
}

export interface Metrics {
  /** OpenMetrics text. */
  text(): string;
  close(): void;
}

const CALL_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const FLUSH_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
const MAX_SERIES = 200;
const OTHER = 'other';

/** Counts the events of `bus` and answers with them, with `sources`, and with what the process uses. */
export function createMetrics(bus: EventBus, sources: MetricsSources): Metrics {
  const calls = new Histogram({
    name: 'mcp_server_operation_duration_seconds',
    help: 'Time from a request to its reply, by MCP method, server and tool.',
    bounds: CALL_BOUNDS,
    maxSeries: MAX_SERIES,
    other: { mcp_method_name: OTHER, server: OTHER, tool: OTHER },
  });
  const flushes = new Histogram({
    name: 'village_audit_flush_duration_seconds',
    help: 'Time to put a batch of audit entries on disk.',
    bounds: FLUSH_BOUNDS,
    maxSeries: 1,
    other: {},
  });
  const outcomes = new CappedCounts();
  const refusals = new CappedCounts();
  const failures = new CappedCounts();
  const threats = new CappedCounts();
  let quarantines = 0;
  let levelsShed = 0;
  let auditEntries = 0;
  const { fog: figures } = sources;
  const fog = figures === undefined ? undefined : fogMetrics(bus, figures);
  const delay = monitorEventLoopDelay({ resolution: 50 });
  delay.enable();

  const seriesOf = remembering(({ method, server, target }) =>
    [method, server, method === 'tools/call' ? target : ''].join('\n'),
  );
  const outcomeOf = remembering(({ kind, outcome }) => `${kind}\n${outcome}`);

  const ends = [
    bus.on('call.done', (done) => {
      observeCall(calls, done, seriesOf(done));
      outcomes.add(outcomeOf(done), { side: done.kind, outcome: done.outcome });
      if (done.outcome === 'denied') refusals.add(`call\n${done.reason}`, { stage: 'call', reason: done.reason });
    }),
    bus.on('call.refused', ({ stage, reason }) => refusals.add(`${stage}\n${reason}`, { stage, reason })),
    bus.on('threat.blocked', ({ server, signals }) => {
      const [signal = ''] = signals.split(', ');
      threats.add(`${server}\n${signal}`, { server, signal });
    }),
    bus.on('threat.quarantined', () => {
      quarantines += 1;
    }),
    bus.on('overload.changed', ({ levels }) => {
      levelsShed = levels;
    }),
    bus.on('background.failed', ({ area }) => failures.add(area, { area })),
    bus.on('audit.flushed', ({ entries, durationMs }) => {
      auditEntries += entries;
      flushes.observe('', durationMs / 1000, { labels: () => ({}) });
    }),
  ];

  const families: Family[] = [
    calls,
    counter(
      { name: 'village_calls', help: 'Calls that ended, asked here (call) or served for a peer (serve).' },
      () => outcomes,
    ),
    counter(
      { name: 'village_refusals', help: 'Requests refused, by the stage that refused and its reason.' },
      () => refusals,
    ),
    counter(
      { name: 'village_background_failures', help: 'Work that failed with nobody waiting for it.' },
      () => failures,
    ),
    counter(
      { name: 'village_threat_blocked', help: 'Calls that looked too dangerous to be made, by the strongest signal.' },
      () => threats,
    ),
    counter(
      { name: 'village_threat_quarantines', help: 'Times this node put an agent in quarantine by itself.' },
      () => quarantines,
    ),
    gauge(
      { name: 'village_overload_levels_shed', help: 'Levels turned away for want of room, counted from the lowest.' },
      () => levelsShed,
    ),
    gauge({ name: 'village_calls_in_flight', help: 'Calls being worked on.' }, () => sources.callsInFlight()),
    gauge({ name: 'village_sessions', help: 'Sessions of agents that are open.' }, () => sources.sessions()),
    gauge({ name: 'village_subscriptions', help: 'Listening streams of agents that are open.' }, () =>
      sources.subscriptions(),
    ),
    gauge({ name: 'village_peers', help: 'Admitted peers connected.' }, () => sources.peers()),
    gauge({ name: 'village_servers_missing', help: 'Servers known to the village that cannot be used now.' }, () =>
      sources.missingServers(),
    ),
    gauge({ name: 'village_servers', help: 'Servers hosted here, by state.' }, () => byState(sources.serverStates())),
    flushes,
    counter(
      { name: 'village_audit_changes', help: 'Entries and signed heads of the audit log put on disk.' },
      () => auditEntries,
    ),
    ...auditFamilies(() => sources.audit()),
    ...(sources.cache === undefined ? [] : cacheFamilies(sources.cache)),
    ...(sources.spans === undefined ? [] : exporterFamilies(sources.spans)),
    ...(fog?.families ?? []),
    ...processFamilies(delay),
  ];
  return {
    text: () => exposition(families),
    close() {
      delay.disable();
      for (const end of ends) end();
      fog?.close();
    },
  };
}

function auditFamilies(figures: () => AuditFigures): Family[] {
  return [
    counter(
      { name: 'village_audit_entries', help: 'Entries of the audit log since it began.' },
      () => figures().entries,
    ),
    gauge(
      { name: 'village_audit_disk_bytes', unit: 'bytes', help: 'Size of the audit log on disk.' },
      () => figures().bytes,
    ),
    gauge(
      { name: 'village_audit_unwitnessed_entries', help: 'Entries that no other node has countersigned.' },
      () => figures().unwitnessed,
    ),
    gauge(
      {
        name: 'village_audit_unwitnessed_seconds',
        unit: 'seconds',
        help: 'Time since another node last countersigned, while entries wait for it.',
      },
      () => figures().unwitnessedSeconds,
    ),
    gauge(
      { name: 'village_audit_witnesses', help: 'Nodes that have countersigned this log.' },
      () => figures().witnesses,
    ),
    gauge(
      { name: 'village_audit_contradictions', help: 'Contradictions found between logs and what witnesses hold.' },
      () => figures().contradictions,
    ),
  ];
}

type CallDone = Events['call.done'];

/** `spell`, which is not asked again while calls are alike: a key made anew for each is hashed anew for each. */
function remembering(spell: (done: CallDone) => string): (done: CallDone) => string {
  let last: Pick<CallDone, 'kind' | 'method' | 'server' | 'target' | 'outcome'> | undefined;
  let key = '';
  return (done) => {
    const { kind, method, server, target, outcome } = done;
    const same =
      last?.target === target &&
      last.kind === kind &&
      last.method === method &&
      last.server === server &&
      last.outcome === outcome;
    if (same) return key;
    last = { kind, method, server, target, outcome };
    key = spell(done);
    return key;
  };
}

function observeCall(calls: Histogram, done: CallDone, key: string): void {
  calls.observe(key, done.durationMs / 1000, {
    labels: () => ({
      mcp_method_name: done.method,
      server: done.server,
      tool: done.method === 'tools/call' ? done.target : '',
    }),
    // Names that no server answered to are the caller's inventions and would use up the label sets.
    opens: done.outcome === 'ok' || done.outcome === 'tool_error',
  });
}

function* byState(states: Iterable<string>): Iterable<readonly [Labels, number]> {
  const counts = new Map<string, number>([['healthy', 0]]);
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  for (const [state, count] of counts) yield [{ state }, count];
}

/** Counts by label set, at most MAX_SERIES of them; the rest are counted together. */
class CappedCounts {
  readonly #counts = new Map<string, [Labels, number]>();
  #rest: [Labels, number] | undefined;

  add(key: string, labels: Labels): void {
    let count = this.#counts.get(key);
    if (count === undefined && this.#counts.size >= MAX_SERIES) {
      this.#rest ??= [Object.fromEntries(Object.keys(labels).map((label) => [label, OTHER])), 0];
      count = this.#rest;
    }
    if (count === undefined) {
      count = [labels, 0];
      this.#counts.set(key, count);
    }
    count[1] += 1;
  }

  *[Symbol.iterator](): Iterator<readonly [Labels, number]> {
    yield* this.#counts.values();
    if (this.#rest !== undefined) yield this.#rest;
  }
}
