import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { MAX_ARTIFACT_BYTES } from '../../src/fog/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers, FogReservationRow } from '../admin/index.ts';
import type { Artifacts } from '../fog/artifacts/index.ts';
import type { FogOffice, ReservationView } from '../fog/index.ts';
import { ledgerRow } from '../roles/fog/index.ts';

export class FogVerbError extends VillageError<'UNKNOWN_SHARD' | 'NOT_HERE' | 'MODULE_UNREADABLE'> {}

export interface FogVerbParts {
  readonly office: FogOffice;
  readonly artifacts: Pick<Artifacts, 'publish' | 'collect'>;
  readonly nodeId: string;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** Lines that a slow reader may be behind. */
const MAX_BEHIND = 10_000;
/** For all that another node keeps of one shard. */
const FETCH_MS = 20_000;

/** What an operator does with the own machine's part in fog; placing goes through the tools. */
export function fogVerbs({
  office,
  artifacts,
  nodeId,
  wallMs,
}: FogVerbParts): Pick<AdminHandlers, 'fog.here' | 'fog.drain' | 'fog.logs' | 'fog.follow' | 'fog.publish' | 'fog.gc'> {
  return {
    'fog.here': async () => ({
      ledger: ledgerRow(office.ledger()),
      reservations: office.reservations().map(reservationRow),
    }),
    'fog.drain': async ({ deadline_ms: deadlineMs, undrain }) => {
      if (undrain) office.undrain();
      else office.drain({ deadlineMs });
      const { draining, shards } = office.ledger();
      return { node_id: nodeId, draining, shards };
    },
    'fog.logs': async ({ shard }, options) => ({ shard_id: shard, ...(await readLogs(office, shard, options)) }),
    'fog.follow': async function* ({ shard }, { signal }) {
      const here = office.logs(shard);
      if (here !== undefined) return yield* follow(here, signal);
      for await (const { lines } of elsewhere(office, shard, { signal })) for (const line of lines) yield { line };
    },
    'fog.publish': async ({ path, fs, net, env, cpu_milli, mem_mib, ttl_ms: ttlMs }) => {
      const module = await moduleAt(path);
      const notAfter = Math.floor((wallMs() + ttlMs) / 1_000);
      const artifact = await artifacts.publish(module, {
        entry: basename(path),
        caps: { fs, net, env },
        min_resources: { cpu_milli, mem_mib },
        not_after: notAfter,
      });
      return { artifact, bytes: module.length, not_after: new Date(notAfter * 1_000).toISOString() };
    },
    'fog.gc': async () => artifacts.collect(office.artifactsInUse()),
  };
}

async function moduleAt(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > 0 && size <= MAX_ARTIFACT_BYTES) return await readFile(path);
  } catch (cause) {
    throw new FogVerbError('MODULE_UNREADABLE', `${path} cannot be read by the node`, { cause });
  }
  throw new FogVerbError('MODULE_UNREADABLE', `${path} is empty or over ${MAX_ARTIFACT_BYTES} bytes`);
}

type Logs = NonNullable<ReturnType<FogOffice['logs']>>;
type Pieces = NonNullable<ReturnType<FogOffice['followLogs']>>;

async function readLogs(
  office: FogOffice,
  shard: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<{ readonly lines: readonly string[]; readonly dropped: number }> {
  const here = office.logs(shard);
  if (here !== undefined) return here.read();
  const enough = new AbortController();
  const all: string[] = [];
  let before = 0;
  const ended = AbortSignal.any([signal, enough.signal, AbortSignal.timeout(FETCH_MS)]);
  const pieces = elsewhere(office, shard, { signal: ended });
  for await (const { lines, dropped } of pieces) {
    all.push(...lines);
    before ||= dropped;
    if (lines.length === 0) break; // that is all there is now
  }
  enough.abort();
  return { lines: all, dropped: before };
}

/** What a shard of this node printed on another one. */
function elsewhere(office: FogOffice, shard: string, options: { readonly signal: AbortSignal }): Pieces {
  const pieces = office.followLogs(shard, options);
  if (pieces !== undefined) return pieces;
  const view = office.status(shard);
  if (view === undefined) {
    throw new FogVerbError('UNKNOWN_SHARD', `no shard ${shard} is known here`, { hint: '`village fog ps` lists them' });
  }
  throw new FogVerbError('NOT_HERE', `${shard} runs nowhere that this node could ask`, {
    hint: `what a shard prints is read on the node that runs it and on its owner, ${view.owner}`,
  });
}

/** What was printed before, then each line as it comes. */
async function* follow(logs: Logs, signal: AbortSignal): AsyncGenerator<{ readonly line: string }> {
  const waiting: string[] = [...logs.read().lines];
  let lost = 0;
  let wake: () => void = () => undefined;
  const stop = logs.follow((line) => {
    if (waiting.length < MAX_BEHIND) waiting.push(line);
    else lost += 1;
    wake();
  });
  const ended = (): void => wake();
  signal.addEventListener('abort', ended, { once: true });
  try {
    while (!signal.aborted) {
      for (const line of waiting.splice(0)) yield { line };
      if (lost > 0) yield { line: `… ${lost} lines were not read in time` };
      lost = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (waiting.length === 0 && !signal.aborted) await promise;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', ended);
  }
}

function reservationRow(view: ReservationView): FogReservationRow {
  const { booked, placement } = view;
  return {
    reservation_id: view.reservationId,
    shard_id: `${view.deployment}/${view.slot}`,
    owner: view.owner,
    agent: view.agent,
    state: view.state,
    cpu_cores: booked.cpuMilli / 1_000,
    memory_gb: Math.round((booked.memMib / 1_024) * 1_000) / 1_000,
    gpu_ids: view.gpuIds,
    expires_in_ms: view.expiresInMs,
    placement:
      placement === undefined
        ? undefined
        : {
            placement_id: placement.placementId,
            state: placement.state,
            run: placement.run,
            lease_left_ms: placement.leaseLeftMs,
            reason: placement.reason,
            pid: placement.pid,
            memory_mb: placement.usage?.memMib,
            cpu_ms: placement.usage?.cpuMs,
            processes: placement.usage?.processes,
          },
  };
}
