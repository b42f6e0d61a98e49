import { type Ledger, ledgerOf } from './ledger.ts';
import type { ToOwner } from './messages.ts';
import { type NodeConfig, type NodeEffect, type NodeState, type Placement, type Row, rowKey } from './node-state.ts';
import { type Fence, slotKey } from './states.ts';
import type { FogRule } from './switches.ts';
import type { Transition } from './transition.ts';

/** One step of a node while it is being taken: what it changes, in copies, and what is to be done. */
export class NodeTurn {
  readonly nowMs: number;
  readonly effects: NodeEffect[] = [];
  #state: NodeState;
  #rows: Map<string, Row> | undefined;
  #tombs: Map<string, Row> | undefined;

  constructor(state: NodeState, nowMs: number) {
    this.nowMs = Math.max(state.nowMs, nowMs);
    this.#state = { ...state, nowMs: this.nowMs };
  }

  get state(): NodeState {
    return this.#state;
  }

  get config(): NodeConfig {
    return this.#state.config;
  }

  isOff(rule: FogRule): boolean {
    return this.config.off?.has(rule) ?? false;
  }

  ledger(): Ledger {
    return ledgerOf(this.config, this.#state.rows.values());
  }

  /** Rows that hold or run, as they are now: a change made meanwhile is not in the list. */
  live(): readonly Row[] {
    return [...this.#state.rows.values()];
  }

  find(owner: string, reservationId: string): Row | undefined {
    const key = rowKey(owner, reservationId);
    return this.#state.rows.get(key) ?? this.#state.tombs.get(key);
  }

  placed(placementId: string): (Row & { readonly placement: Placement }) | undefined {
    for (const row of this.#state.rows.values())
      if (row.placement?.placementId === placementId) return row as Row & { readonly placement: Placement };
    return undefined;
  }

  change(changes: Partial<Pick<NodeState, 'drain' | 'power' | 'victims' | 'asking' | 'config'>>): void {
    this.#state = { ...this.#state, ...changes };
  }

  noDrain(): void {
    const { drain: _, ...rest } = this.#state;
    this.#state = rest;
  }

  raise(key: string, fence: Fence): void {
    const fences = new Map(this.#state.fences);
    fences.delete(key); // the newest is last
    fences.set(key, fence);
    const bound = this.config.limits.maxTombstones;
    for (const old of fences.keys()) {
      if (fences.size <= bound) break;
      if (this.live().some((row) => slotKey(row.slot) === old)) continue;
      fences.delete(old);
      this.effects.push({ kind: 'forget-fence', slotKey: old });
    }
    this.#state = { ...this.#state, fences };
  }

  /** A name that this node never gave before, in no life. */
  fresh(): string {
    const counter = this.#state.counter + 1;
    this.#state = { ...this.#state, counter };
    return `${this.#state.instance}.${counter}`;
  }

  /** Writes a row; a change of its state is recorded with the reason. */
  put(row: Row, because?: string): void {
    const key = rowKey(row.owner, row.reservationId);
    const before = this.#state.rows.get(key);
    if (before?.state !== row.state) this.#recordRow(row, before?.state ?? 'none', because ?? row.state);
    const was = before?.placement;
    const is = row.placement;
    const moved = is !== undefined && (is.state !== was?.state || is.run !== was.run);
    if (moved)
      this.record({
        of: 'placement',
        id: is.placementId,
        from: was?.state ?? 'none',
        to: is.state,
        because: because ?? is.state,
        ...(is.detail === undefined ? {} : { detail: is.detail }),
        peer: row.owner,
        slot: row.slot,
        fence: row.fence,
      });
    if (row.endedMs === undefined) {
      this.#liveRows().set(key, row);
      return;
    }
    this.#liveRows().delete(key);
    const tombs = this.#deadRows();
    tombs.delete(key);
    tombs.set(key, row);
    if (is !== undefined) this.effects.push({ kind: 'forget', placementId: is.placementId });
  }

  forgetOld(): void {
    const { tombstoneMs, maxTombstones } = this.config.limits;
    for (const [key, row] of this.#state.tombs) {
      const old = (row.endedMs ?? 0) + tombstoneMs <= this.nowMs;
      if (!old && this.#state.tombs.size <= maxTombstones) break;
      this.#deadRows().delete(key);
    }
  }

  send(to: string, message: ToOwner): void {
    this.effects.push({ kind: 'send', to, message });
  }

  record(what: Omit<Transition, 'atMs'>): void {
    this.effects.push({ kind: 'record', record: { atMs: this.nowMs, ...what } });
  }

  #recordRow(row: Row, from: string, because: string): void {
    this.record({
      of: 'reservation',
      id: row.reservationId,
      from,
      to: row.state,
      because,
      ...(row.denied === undefined ? {} : { detail: row.denied.detail }),
      peer: row.owner,
      slot: row.slot,
      fence: row.fence,
    });
  }

  #liveRows(): Map<string, Row> {
    if (this.#rows === undefined) {
      this.#rows = new Map(this.#state.rows);
      this.#state = { ...this.#state, rows: this.#rows };
    }
    return this.#rows;
  }

  #deadRows(): Map<string, Row> {
    if (this.#tombs === undefined) {
      this.#tombs = new Map(this.#state.tombs);
      this.#state = { ...this.#state, tombs: this.#tombs };
    }
    return this.#tombs;
  }
}
