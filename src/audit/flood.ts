import type { AuditRecord } from './entry.ts';

export interface FloodLimits {
  /** Equal refusals recorded one by one in a window; those beyond it become one entry with a count. */
  readonly singly: number;
  readonly windowMs: number;
  /** Different floods counted apart at one time; those beyond it are counted together, by reason. */
  readonly maxFloods: number;
}

export const FLOOD_LIMITS: FloodLimits = { singly: 8, windowMs: 10_000, maxFloods: 4096 };

interface Flood {
  readonly startedMs: number;
  seen: number;
  /** The entry that stands for the refusals not recorded singly. */
  summary: AuditRecord | undefined;
}

/**
 * Keeps a flood of equal refusals from flooding the log: the same kind, asker, method and reason within a window. Bounded: the
 * number of floods is, and each holds one record.
 */
export class FloodGate {
  readonly #limits: FloodLimits;
  readonly #floods = new Map<string, Flood>();

  constructor(limits: FloodLimits = FLOOD_LIMITS) {
    this.#limits = limits;
  }

  /** Whether `record` is to be written now. False: it is counted, and part of what `due` hands out when the window ends. */
  admits(record: AuditRecord, nowMs: number): boolean {
    const { singly, maxFloods } = this.#limits;
    const asker = record.agentId === '' ? record.sourceIp : record.agentId;
    let key = `${record.kind}\n${record.reason}\n${record.method}\n${record.peer}\n${asker}`;
    let flood = this.#floods.get(key);
    if (flood === undefined && this.#floods.size >= maxFloods) {
      key = `${record.kind}\n${record.reason}`; // the crowd of askers is itself the flood
      flood = this.#floods.get(key);
    }
    if (flood === undefined) {
      flood = { startedMs: nowMs, seen: 0, summary: undefined };
      this.#floods.set(key, flood);
    }
    flood.seen += 1;
    if (flood.seen <= singly) return true;
    flood.summary = flood.summary === undefined ? firstOfMany(record) : merged(flood.summary, record);
    return false;
  }

  /** Ends the windows that are over (all of them with `everything`) and hands out what they counted. */
  due(nowMs: number, options: { readonly everything?: boolean } = {}): AuditRecord[] {
    const out: AuditRecord[] = [];
    for (const [key, flood] of this.#floods) {
      const age = nowMs - flood.startedMs;
      if (options.everything !== true && age >= 0 && age < this.#limits.windowMs) continue;
      this.#floods.delete(key);
      if (flood.summary !== undefined) out.push({ ...flood.summary, durationMs: Math.max(0, age) });
    }
    return out;
  }

  /** Floods counted now; 0 means that `due` has nothing to hand out. */
  get size(): number {
    return this.#floods.size;
  }
}

function firstOfMany(record: AuditRecord): AuditRecord {
  return { ...record, callId: '', argumentsHash: '', resultHash: '', justification: '', count: 1 };
}

/** What differs among them is left empty: the entry claims nothing that is not true of each. */
function merged(summary: AuditRecord, record: AuditRecord): AuditRecord {
  const same = (
    field: 'agentId' | 'level' | 'tokenId' | 'method' | 'server' | 'target' | 'peer' | 'sourceIp',
  ): string => (summary[field] === record[field] ? summary[field] : '');
  return {
    ...summary,
    agentId: same('agentId'),
    level: same('level'),
    tokenId: same('tokenId'),
    method: same('method'),
    server: same('server'),
    target: same('target'),
    peer: same('peer'),
    sourceIp: same('sourceIp'),
    count: summary.count + 1,
  };
}
