import { printable, table } from '../terminal.ts';
import type { FogReservationRow } from '../../admin/index.ts';
import type { Value } from './fog-act.ts';

type Row = Record<string, unknown>;

export const rowsIn = (value: Value, name: string): readonly Row[] => (value[name] ?? []) as readonly Row[];

/** Of ids only what tells them apart. */
const short = (id: unknown): string => (typeof id === 'string' ? id.slice(-8) : '');

export function nodesTable(value: Value, { wide }: { readonly wide: boolean }): string {
  const rows = rowsIn(value, 'available_nodes').map((row) => {
    const [free, all] = [row['free'] as Row, row['capacity'] as Row];
    return {
      node: `${wide ? String(row['node_id']) : short(row['node_id'])}${row['self'] === true ? ' (here)' : ''}`,
      cores: `${String(free['cpu_cores'])}/${String(all['cpu_cores'])}`,
      gib: `${String(free['memory_gb'])}/${String(all['memory_gb'])}`,
      gpus: `${String(free['gpus'])}/${String(all['gpus'])}`,
      shards: `${String(row['shards'])}/${String(row['max_shards'])}`,
      holds: row['enforcement'],
      rtt_ms: row['rtt_ms'],
      ...(wide
        ? {
            trust: row['trust'],
            age_ms: row['ad_age_ms'],
            power: (row['power'] as Row)['source'],
            labels: row['labels'],
          }
        : {}),
    };
  });
  const columns = ['node', 'cores', 'gib', 'gpus', 'shards', 'holds', 'rtt_ms'];
  const more = wide ? ['trust', 'age_ms', 'power', 'labels'] : [];
  const filtered = Object.entries((value['filtered'] ?? {}) as Row).map(([why, count]) => `${String(count)} ${why}`);
  const others = filtered.length === 0 ? '' : `\nnot listed: ${printable(filtered.join(', '))}`;
  return `${table(rows, [...columns, ...more])}${others}`;
}

export function shardsTable(shards: readonly Row[]): string {
  const rows = shards.map((row) => ({ ...row, node: short(row['node_id']), owner: short(row['owner']) }));
  return table(rows, ['shard_id', 'status', 'epoch', 'node', 'server', 'owner', 'reason']);
}

export function timelineTable(value: Value): string {
  const rows = rowsIn(value, 'timeline').map((row) => ({
    at: String(row['at']).slice(11, 23),
    what: `${String(row['of'])}: ${row['from'] === row['to'] ? '' : `${String(row['from'])} → `}${String(row['to'])}`,
    because: row['because'],
    epoch: row['epoch'],
    node: short(row['peer']),
    detail: row['detail'],
  }));
  return table(rows, ['at', 'what', 'because', 'epoch', 'node', 'detail']);
}

export function whyText(value: Value): string {
  const rows = rowsIn(value, 'per_node').map((row) => ({ ...row, node: short(row['node_id']) }));
  const nodes = rows.length === 0 ? '' : `\n\n${table(rows, ['node', 'code', 'detail'])}`;
  const why = value['why'] ?? value['message'];
  return `${typeof why === 'string' ? why.split('\n').map(printable).join('\n') : ''}${nodes}`;
}

export function planText(value: Value): string {
  const places = rowsIn(value, 'slots').map((row) => ({ slot: row['slot'], node: row['node_id'] }));
  const votes = (value['needs_vote'] ?? []) as readonly string[];
  return [
    table(places, ['slot', 'node']),
    ...(value['feasible'] === true
      ? []
      : [`${String(value['missing'])} without a place: ${whyText({ ...value, why: '' }).trim()}`]),
    ...(votes.length === 0 ? [] : [`needs a vote: ${printable(votes.join(', '))}`]),
  ].join('\n');
}

/** What is held and runs here. `usage`: with what it uses instead of what it was given. */
export function reservationsTable(rows: readonly FogReservationRow[], { usage }: { readonly usage: boolean }): string {
  const all = rows.map(({ placement, ...row }) => ({
    ...row,
    owner: short(row.owner),
    placement: placement?.state,
    lease_left: placement === undefined ? undefined : `${Math.ceil(placement.lease_left_ms / 1_000)} s`,
    pid: placement?.pid,
    memory_mb: placement?.memory_mb,
    cpu_s: placement?.cpu_ms === undefined ? undefined : placement.cpu_ms / 1_000,
    processes: placement?.processes,
    reason: placement?.reason,
  }));
  return usage
    ? table(
        all.filter(({ pid }) => pid !== undefined),
        ['shard_id', 'pid', 'processes', 'memory_mb', 'cpu_s', 'lease_left', 'owner'],
      )
    : table(all, [
        'shard_id',
        'state',
        'placement',
        'cpu_cores',
        'memory_gb',
        'lease_left',
        'owner',
        'agent',
        'reason',
      ]);
}
