import { randomBytes } from 'node:crypto';
import {
  nextOfNode,
  type NodeConfig,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  type PowerVerdict,
  startNode,
  stepNode,
  type ToNode,
  type ToOwner,
  type Transition,
} from '../../src/fog/index.ts';
import { nextBootSequence } from '../host/boot-sequence.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { type CheckParts, checksOf } from './checks.ts';
import { Driver } from './driver.ts';
import { type NodeEntry, NodeJournal } from './node-journal.ts';
import type { FogClock } from './ports.ts';
import type { Logs } from './runner/index.ts';
import { Shards, type ShardsParts } from './shards.ts';
import { Ticker } from './ticker.ts';

/** How long the end of this node waits for its shards to end as they should; then they are killed. */
const ENDING_MS = 2_000;

type Event = NodeEvent & { readonly nowMs: number };

export interface NodeSideParts extends Pick<ShardsParts, 'runner' | 'artifacts' | 'groups'> {
  readonly config: NodeConfig;
  readonly store: Store;
  readonly clock: FogClock;
  readonly reporter: Reporter;
  readonly checks: CheckParts;
  readonly send: (to: string, message: ToOwner) => void;
  readonly onTransition: (what: Transition) => void;
  readonly onStep: () => void;
}

/** What this node gives: its machine, the journal of its promises and the processes that it decides about. */
export class NodeSide {
  readonly shards: Shards;
  readonly #parts: NodeSideParts;
  readonly #journal: NodeJournal;
  readonly #driver: Driver<NodeState, Event, NodeEffect>;
  readonly #ticker: Ticker;
  readonly #first: readonly NodeEffect[];

  private constructor(
    parts: NodeSideParts,
    made: { readonly journal: NodeJournal; readonly begun: ReturnType<typeof startNode> },
  ) {
    this.#parts = parts;
    this.#journal = made.journal;
    this.#first = made.begun.effects;
    this.shards = new Shards({
      ...{ runner: parts.runner, artifacts: parts.artifacts, groups: parts.groups },
      ...{ clock: parts.clock, reporter: parts.reporter },
      guardMs: () => this.state.config.limits.guardMs,
      tell: (event) => this.#feed(event),
    });
    this.#driver = new Driver({
      initial: made.begun.state,
      step: stepNode,
      disk: {
        holds: isEntry,
        write: (effects) => this.#journal.write(effects.filter(isEntry)),
      },
      carryOut: (effect) => this.#carryOut(effect),
      onHalt: (error) => parts.reporter.report('fog.halted', { area: 'node', error }),
      onStep: () => {
        this.#ticker.schedule(nextOfNode(this.state));
        parts.onStep();
      },
    });
    this.#ticker = new Ticker(parts.clock, () => this.#feed({ kind: 'tick' }));
  }

  /**
   * Finds what an earlier run left dead, then takes a new number: who hears that number may rely on it.
   * Errors: STORE_FAILED, JOURNAL_DAMAGED, and those of the runner's sweep.
   */
  static async open(parts: NodeSideParts): Promise<NodeSide> {
    const { runner, store, clock, config } = parts;
    await runner.sweep();
    const journal = new NodeJournal(store);
    const kept = await journal.load();
    const bootSeq = await nextBootSequence(store);
    const instance = randomBytes(16).toString('hex');
    const begun = startNode(config, { bootSeq, instance, nowMs: clock.boottimeMs(), ...kept });
    return new NodeSide(parts, { journal, begun });
  }

  get state(): NodeState {
    return this.#driver.state;
  }

  /** Whether it still takes part: what has to be on disk can be put there. */
  get working(): boolean {
    return !this.#driver.halted;
  }

  start(): void {
    this.#driver.perform(this.#first);
    this.#ticker.start(nextOfNode(this.state));
  }

  /** Resolves when there is room for the next one. Never rejects. */
  async hear(message: ToNode, from: string): Promise<void> {
    const checks = await checksOf(message, from, this.#parts.checks);
    this.#feed({ kind: 'message', from, message, checks });
    await this.#driver.room();
  }

  drain(deadlineMs: number): void {
    this.#feed({ kind: 'drain', deadlineMs });
  }

  undrain(): void {
    this.#feed({ kind: 'undrain' });
  }

  setPower(verdict: PowerVerdict): void {
    if (this.state.power !== verdict) this.#feed({ kind: 'power', verdict });
  }

  configure(config: NodeConfig): void {
    this.#feed({ kind: 'configure', config });
  }

  /** What a placement printed, for the node that owns it and no other. */
  logsFor(placementId: string, owner: string): Logs | undefined {
    const rows = [...this.state.rows.values(), ...this.state.tombs.values()];
    const own = rows.some((row) => row.placement?.placementId === placementId && row.owner === owner);
    return own ? this.shards.logs(placementId) : undefined;
  }

  /** Tells owners that what runs here ends, ends it, and writes what is to be written of that. Never rejects. */
  async stop(): Promise<void> {
    if (this.state.rows.size > 0) {
      this.drain(0);
      this.#feed({ kind: 'tick' });
      await this.shards.ended(ENDING_MS);
    }
    await this.shards.close();
    this.#ticker.stop();
    await this.#driver.settled();
    await this.#driver.halt();
  }

  #feed(event: NodeEvent): void {
    this.#driver.feed({ ...event, nowMs: this.#parts.clock.boottimeMs() });
  }

  #carryOut(effect: NodeEffect): Promise<void> | void {
    switch (effect.kind) {
      case 'journal':
      case 'forget-fence':
        return undefined;
      case 'forget':
        return this.shards.forget(effect);
      case 'send':
        return this.#parts.send(effect.to, effect.message);
      case 'fetch':
        return this.#fetch(effect);
      case 'start':
        return this.shards.start(effect);
      case 'lease':
        return this.shards.lease(effect);
      case 'stop':
        return this.shards.stop(effect);
      case 'record':
        return this.#parts.onTransition(effect.record);
    }
  }

  #fetch(effect: Extract<NodeEffect, { kind: 'fetch' }>): void {
    for (const { placement, spec, owner } of this.state.rows.values()) {
      if (placement?.placementId === effect.placementId) return this.shards.fetch(effect, { spec, owner });
    }
  }
}

function isEntry(effect: NodeEffect): effect is NodeEntry {
  return effect.kind === 'journal' || effect.kind === 'forget' || effect.kind === 'forget-fence';
}
