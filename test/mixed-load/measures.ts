import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Member } from './mixed-village.ts';

const MIB = 1024 * 1024;

/** What one node takes at one moment. */
export interface Measure {
  /** Since the start of the run. */
  readonly minutes: number;
  /** Of the process: another after a restart. */
  readonly pid: number;
  readonly residentMib: number;
  readonly heapMib: number;
  /** Of what is set aside for the heap, what is not used. */
  readonly spareMib: number;
  readonly externalMib: number;
  readonly files: number;
  readonly threads: number;
  /** Of its data folder, and of the audit log in it. */
  readonly diskMib: number;
  readonly auditMib: number;
}

/** Linux alone tells. */
export async function measured(member: Member, minutes: number): Promise<Measure> {
  const { pid, admin } = member.node.ready;
  const response = await fetch(new URL('/metrics', admin), { signal: AbortSignal.timeout(60_000) });
  const metrics = await response.text();
  const mib = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]) / MIB;
  return {
    minutes,
    pid,
    residentMib: mib('process_resident_memory_bytes'),
    heapMib: mib('nodejs_heap_size_used_bytes'),
    spareMib: mib('nodejs_heap_size_total_bytes') - mib('nodejs_heap_size_used_bytes'),
    externalMib: mib('nodejs_external_memory_bytes'),
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    diskMib: bytesIn(member.node.data) / MIB,
    auditMib: mib('village_audit_disk_bytes'),
  };
}

/** A line for people. */
export function shown(name: string, of: Measure): string {
  const { residentMib, heapMib, externalMib, files, threads, diskMib, auditMib } = of;
  const memory = `${residentMib.toFixed(0)} MiB resident, heap ${heapMib.toFixed(0)}, external ${externalMib.toFixed(1)}`;
  return `  ${name} (${of.pid}): ${memory}; ${files} files, ${threads} threads; disk ${diskMib.toFixed(1)} MiB, audit ${auditMib.toFixed(1)}`;
}

/** MiB an hour, of the line with the least squares through one life of a process after its first `cutMinutes`; undefined: too short to tell. */
export function growthOf(
  life: readonly Measure[],
  options: {
    readonly cutMinutes: number;
    readonly leastMinutes: number;
    readonly of: 'residentMib' | 'heapMib' | 'externalMib' | 'diskMib';
  },
): number | undefined {
  const { cutMinutes, leastMinutes, of } = options;
  const begun = life[0]?.minutes ?? 0;
  const points = life.filter(({ minutes }) => minutes >= begun + cutMinutes);
  if ((points.at(-1)?.minutes ?? 0) - (points[0]?.minutes ?? 0) < leastMinutes) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(({ minutes }) => minutes));
  const y = mean(points.map((point) => point[of]));
  const over = points.reduce((sum, point) => sum + (point.minutes - x) * (point[of] - y), 0);
  return (60 * over) / points.reduce((sum, { minutes }) => sum + (minutes - x) ** 2, 0);
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
