import type { AuditRecord } from './entry.ts';

export interface FloodLimits {
  /** Equal refusals recorded one by one in a window; those beyond it become one entry with a count. */
  readonly singly: number;
  /** The same of what is no refusal and some peer brought about. */
  readonly provoked: number;
  /** Peers that flood alike, and agents and methods of one peer, counted apart; those beyond it are counted together. */
  readonly maxNames: number;
  readonly windowMs: number;
  /** Different floods counted apart at one time; those beyond it are counted together, by reason. */
  readonly maxFloods: number;
}

export const FLOOD_LIMITS: FloodLimits = {
  singly: 8,
  provoked: 64,
  maxNames: 32,
  windowMs: 10_000,
  maxFloods: 4096,
};

interface Flood {
  readonly startedMs: number;
  seen: number;
  /** The entry that stands for the refusals not recorded singly. */
  summary: AuditRecord | undefined;
  /** Of which peer it is one, where that is counted. */
  readonly place: Place | undefined;
}

/** Floods of one peer for one reason, and all floods for it. */
interface Place {
  readonly ofPeer: string;
  readonly alike: string;
}

/**
 * Kinds of which every one is written, unless it is a refusal: calls that were made, who was admitted (each takes a ticket, or a
 * renewal of which a node has few), and what the log says of itself.
 */
const NEVER_COUNTED: ReadonlySet<AuditRecord['kind']> = new Set(['call', 'serve', 'admission', 'gap', 'start', 'stop']);
/** What an operator or a vote did about a peer: no peer brings it about. */
const APPROVAL = /\.approved$/;

/** Whether `record` may be one of a flood: a refusal, or what a peer can bring about as often as it likes. */
export function mayFlood({ kind, method, outcome, peer }: AuditRecord): boolean {
  return isRefusal({ kind, outcome }) || (peer !== '' && !NEVER_COUNTED.has(kind) && !APPROVAL.test(method));
}

function isRefusal({ kind, outcome }: Pick<AuditRecord, 'kind' | 'outcome'>): boolean {
  return kind === 'refusal' || outcome === 'denied';
}

/**
 * Keeps a flood of equal refusals, and of what peers bring about, from flooding the log: the same kind, asker, method and reason
 * within a window. Bounded: the number of floods is, and each holds one record.
 */
export class FloodGate {
  readonly #limits: FloodLimits;
  readonly #floods = new Map<string, Flood>();
  /** Floods of each peer for each reason, and the peers that have any. */
  readonly #names = new Map<string, number>();

  constructor(limits: FloodLimits = FLOOD_LIMITS) {
    this.#limits = limits;
  }

  /** Whether `record` is to be written now. False: it is counted, and part of what `due` hands out when the window ends. */
  admits(record: AuditRecord, nowMs: number): boolean {
    const { singly, provoked } = this.#limits;
    const flood = this.#floodOf(record, nowMs);
    flood.seen += 1;
    if (flood.seen <= (isRefusal(record) ? singly : provoked)) return true;
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
      if (flood.place !== undefined) this.#ended(flood.place);
      if (flood.summary !== undefined) out.push({ ...flood.summary, durationMs: Math.max(0, age) });
    }
    return out;
  }

  /** Floods counted now; 0 means that `due` has nothing to hand out. */
  get size(): number {
    return this.#floods.size;
  }

  #floodOf({ kind, reason, method, peer, agentId, sourceIp }: AuditRecord, startedMs: number): Flood {
    // Its methods are words of ours and few: a quarantine is not lost among the tools that changed.
    const alike = kind === 'administration' ? `${kind}\n${reason}\n${method}` : `${kind}\n${reason}`;
    const ofPeer = `${alike}\n${peer}`;
    let key = `${ofPeer}\n${method}\n${agentId === '' ? sourceIp : agentId}`;
    const known = this.#floods.get(key);
    if (known !== undefined) return known;
    let place = peer === '' ? undefined : { ofPeer, alike };
    const wider = this.#widerThan(place, alike);
    if (wider !== undefined) [key, place] = [wider, undefined];
    let flood = this.#floods.get(key);
    if (flood === undefined) {
      flood = { startedMs, seen: 0, summary: undefined, place };
      this.#floods.set(key, flood);
      if (place !== undefined) this.#begins(place);
    }
    return flood;
  }

  /** Where one more is counted that there is no room for: the crowd of askers is itself the flood. */
  #widerThan(place: Place | undefined, alike: string): string | undefined {
    const { maxFloods, maxNames } = this.#limits;
    if (place !== undefined) {
      const names = this.#names.get(place.ofPeer) ?? 0;
      if (names === 0 && (this.#names.get(alike) ?? 0) >= maxNames) return alike;
      if (names >= maxNames) return place.ofPeer;
    }
    return this.#floods.size < maxFloods ? undefined : alike;
  }

  #begins({ ofPeer, alike }: Place): void {
    const names = this.#names.get(ofPeer) ?? 0;
    this.#names.set(ofPeer, names + 1);
    if (names === 0) this.#names.set(alike, (this.#names.get(alike) ?? 0) + 1);
  }

  #ended({ ofPeer, alike }: Place): void {
    if (this.#fewer(ofPeer) === 0) this.#fewer(alike);
  }

  #fewer(name: string): number {
    const left = (this.#names.get(name) ?? 1) - 1;
    if (left === 0) this.#names.delete(name);
    else this.#names.set(name, left);
    return left;
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
    content: summary.content === record.content ? summary.content : undefined,
    count: summary.count + 1,
  };
}
