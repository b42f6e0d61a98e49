import type { Resources } from '../../src/fog/index.ts';
import type { EventBus } from './events.ts';
import { counter, type Family, gauge, type Labels } from './openmetrics.ts';

export interface FogFigures {
  /** Of this node as its own books have it. */
  readonly amounts: Readonly<Record<'capacity' | 'free' | 'held' | 'committed', Resources>>;
  /** Shards that this node runs, by state. */
  readonly placements: ReadonlyMap<string, number>;
  /** Slots of this node's own deployments, by state. */
  readonly slots: ReadonlyMap<string, number>;
}

const UNITS = { cpuMilli: 'cpu_milli', memMib: 'mem_mib', diskMib: 'disk_mib', gpus: 'gpus' } as const;
const DIMENSIONS = Object.keys(UNITS) as (keyof typeof UNITS)[];

/** What this node gives, what it has placed, and what was refused. `figures` is asked when the text is made. */
export function fogMetrics(
  bus: EventBus,
  figures: () => FogFigures,
): { readonly families: readonly Family[]; close(): void } {
  const placed = new Map([
    ['here', 0],
    ['owned', 0],
  ]);
  const lost = new Map(placed);
  // A closed list of codes: they can't grow without end.
  const refusals = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  const close = bus.on('fog.changed', ({ of, from, to, because }) => {
    if (of === 'reservation' && to === 'denied') count(refusals, because);
    else if (of === 'placement' && to === 'committed') count(placed, 'here');
    else if (of === 'placement' && because === 'lease' && from !== 'stopping') count(lost, 'here');
    else if (of === 'slot' && to === 'accepting') count(placed, 'owned');
    else if (of === 'slot' && because === 'lease') count(lost, 'owned');
  });
  return {
    families: [
      ...(['capacity', 'free', 'held', 'committed'] as const).map((what) =>
        gauge({ name: `village_fog_${what}`, help: `What of this node is ${what}, by resource.` }, () =>
          byResource(figures().amounts[what]),
        ),
      ),
      gauge({ name: 'village_fog_shards', help: 'Shards that this node runs, by state.' }, () =>
        labelled('state', figures().placements, 'running'),
      ),
      gauge({ name: 'village_fog_slots', help: 'Slots of the deployments of this node, by state.' }, () =>
        labelled('state', figures().slots, 'running'),
      ),
      counter(
        { name: 'village_fog_placements', help: 'Placements accepted here, and begun of deployments owned here.' },
        () => labelled('side', placed),
      ),
      counter({ name: 'village_fog_refusals', help: 'Reservations refused here, by code.' }, () =>
        labelled('code', refusals),
      ),
      counter(
        { name: 'village_fog_leases_lost', help: 'Leases that ran out, of shards here and of slots owned here.' },
        () => labelled('side', lost),
      ),
    ],
    close,
  };
}

function* byResource(amounts: Resources): Iterable<readonly [Labels, number]> {
  for (const what of DIMENSIONS) yield [{ resource: UNITS[what] }, amounts[what]];
}

/** `always` is there with 0 too. */
function* labelled(
  label: string,
  counts: ReadonlyMap<string, number>,
  always?: string,
): Iterable<readonly [Labels, number]> {
  if (always !== undefined && !counts.has(always)) yield [{ [label]: always }, 0];
  for (const [each, count] of counts) yield [{ [label]: each }, count];
}
