import { randomBytes } from 'node:crypto';
import {
  type Approval,
  type FogAd,
  nextOfOwner,
  type OwnerConfig,
  type OwnerEffect,
  type OwnerEntry,
  type OwnerEvent,
  type OwnerState,
  startOwner,
  stepOwner,
  type ToNode,
  type ToOwner,
  type Transition,
  type Wanted,
} from '../../src/fog/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { Driver } from './driver.ts';
import { OwnerJournal } from './owner-journal.ts';
import type { FogClock } from './ports.ts';
import { RoundTrips } from './round-trips.ts';
import { Ticker } from './ticker.ts';

type Event = OwnerEvent & { readonly nowMs: number };

/** In whose name a node is asked: the agent's delegation for that node, and the certificate of the vote. */
export interface Authority {
  readonly delegation?: string | undefined;
  readonly receipt?: unknown;
}

export interface OwnerSideParts {
  readonly config: OwnerConfig;
  readonly store: Store;
  readonly clock: FogClock;
  readonly reporter: Reporter;
  /** False: it cannot be sent at all. */
  readonly send: (to: string, message: ToNode) => boolean;
  /** Never rejects. */
  readonly authority: (of: { agent: string; node: string; proposalId: string | undefined }) => Promise<Authority>;
  /** Asks the village; the id of the proposal, or undefined when nobody would propose it. Never rejects. */
  readonly propose: (asked: { agent: string; approval: Omit<Approval, 'notAfter'> }) => Promise<string | undefined>;
  /** Where its slots are has changed. */
  readonly publish: (deployment: string) => void;
  readonly onTransition: (what: Transition) => void;
  readonly onStep: (before: OwnerState, after: OwnerState) => void;
}

/** An Accept is signed, which makes it longer by a third: what could not be accepted is not reserved. */
const MAX_RECEIPT_BYTES = 40 * 1024;

/** What this node wants run: its machine, the journal of its attempts, and in whose name it asks. */
export class OwnerSide {
  readonly #parts: OwnerSideParts;
  readonly #journal: OwnerJournal;
  readonly #driver: Driver<OwnerState, Event, OwnerEffect>;
  readonly #ticker: Ticker;
  readonly #first: readonly OwnerEffect[];
  readonly #proposals: Map<string, string>;
  readonly #trips: RoundTrips;

  private constructor(
    parts: OwnerSideParts,
    made: {
      readonly journal: OwnerJournal;
      readonly begun: ReturnType<typeof startOwner>;
      readonly votes: ReadonlyMap<string, string>;
    },
  ) {
    this.#parts = parts;
    this.#journal = made.journal;
    this.#first = made.begun.effects;
    this.#proposals = new Map(made.votes);
    this.#trips = new RoundTrips(parts.clock);
    this.#driver = new Driver({
      initial: made.begun.state,
      step: stepOwner,
      disk: {
        holds: ({ kind }) => kind === 'journal',
        write: (effects) => this.#journal.write(effects.flatMap((one) => (one.kind === 'journal' ? [one.entry] : []))),
      },
      carryOut: (effect) => this.#carryOut(effect),
      onHalt: (error) => parts.reporter.report('fog.halted', { area: 'owner', error }),
      onStep: (before, after) => {
        this.#ticker.schedule(nextOfOwner(after));
        parts.onStep(before, after);
      },
    });
    this.#ticker = new Ticker(parts.clock, () => this.feed({ kind: 'tick' }));
  }

  /** Takes up where the last run left off. Errors: STORE_FAILED, JOURNAL_DAMAGED. */
  static async open(parts: OwnerSideParts): Promise<OwnerSide> {
    const journal = new OwnerJournal(parts.store);
    const { deployments, slots, votes } = await journal.load();
    const instance = randomBytes(16).toString('hex');
    const dice = Math.floor(parts.clock.chance() * 0x1_0000_0000);
    const nowMs = parts.clock.boottimeMs();
    const begun = startOwner(parts.config, { instance, dice, nowMs, deployments, slots });
    return new OwnerSide(parts, { journal, begun, votes });
  }

  get state(): OwnerState {
    return this.#driver.state;
  }

  get working(): boolean {
    return !this.#driver.halted;
  }

  /** By which proposal a deployment was, or is to be, approved. */
  proposalOf(deployment: string): string | undefined {
    return this.#proposals.get(deployment);
  }

  deploymentOf(proposalId: string): string | undefined {
    for (const [deployment, id] of this.#proposals) if (id === proposalId) return deployment;
    return undefined;
  }

  start(): void {
    this.#driver.perform(this.#first);
    this.#ticker.start(nextOfOwner(this.state));
  }

  /** Resolves when there is room for the next one. */
  async hear(message: ToOwner, from: string): Promise<void> {
    if (message.kind === 'offer' || message.kind === 'refuse') {
      const rttMs = this.#trips.ended(message.cfpId);
      if (rttMs !== undefined) this.feed({ kind: 'rtt', node: from, rttMs });
    }
    this.feed({ kind: 'message', from, message });
    await this.#driver.room();
  }

  hearAd(ad: FogAd): void {
    this.feed({ kind: 'ad', ad });
  }

  deploy(wanted: Wanted): void {
    this.feed({ kind: 'deploy', wanted });
  }

  stopDeployment(deployment: string, graceMs: number): void {
    this.feed({ kind: 'stop', deployment, graceMs });
  }

  unreachable(node: string, message: ToNode): void {
    const about =
      message.kind === 'cfp' ? message.cfpId : message.kind === 'reserve' ? message.reservationId : undefined;
    if (about !== undefined) this.feed({ kind: 'unreachable', node, about });
  }

  /** The village allows a deployment, or does not (null). `proposalId`: what proves it. */
  async voted(deployment: string, approval: Approval | null, proposalId?: string | undefined): Promise<void> {
    if (proposalId !== undefined && this.#proposals.get(deployment) !== proposalId) {
      await this.#journal.writeVote(deployment, proposalId);
      this.#proposals.set(deployment, proposalId);
    }
    this.feed({ kind: 'voted', deployment, approval });
  }

  /** Never rejects. What runs elsewhere goes on for as long as its lease: the next start adopts it. */
  async stop(): Promise<void> {
    this.#ticker.stop();
    await this.#driver.settled();
    await this.#driver.halt();
  }

  feed(event: OwnerEvent): void {
    this.#driver.feed({ ...event, nowMs: this.#parts.clock.boottimeMs() });
  }

  #carryOut(effect: OwnerEffect): Promise<void> | void {
    switch (effect.kind) {
      case 'journal':
        return this.#written(effect.entry);
      case 'send':
        return this.#send(effect.to, effect.message);
      case 'vote':
        void this.#ask(effect);
        return undefined;
      case 'map':
        return this.#parts.publish(effect.deployment);
      case 'record':
        return this.#parts.onTransition(effect.record);
    }
  }

  #written(entry: OwnerEntry): void {
    if (entry.kind !== 'removed') return;
    this.#proposals.delete(entry.deployment);
    this.#parts.publish(entry.deployment);
  }

  #send(to: string, message: ToNode): Promise<void> | void {
    if (message.kind === 'reserve' || message.kind === 'accept') return this.#sendInName(to, message);
    if (message.kind === 'cfp') this.#trips.began(message.cfpId);
    if (!this.#parts.send(to, message)) this.unreachable(to, message);
  }

  async #sendInName(to: string, message: Extract<ToNode, { kind: 'reserve' | 'accept' }>): Promise<void> {
    const { agent, deployment } = message;
    const proposalId = this.#proposals.get(deployment);
    const { delegation, receipt } = await this.#parts.authority({ agent, node: to, proposalId });
    const authorised = {
      ...message,
      ...(delegation === undefined ? {} : { delegation }),
      ...(receipt === undefined ? {} : { receipt }),
    };
    const fits = receipt === undefined || Buffer.byteLength(JSON.stringify(receipt)) <= MAX_RECEIPT_BYTES;
    if (fits && this.#parts.send(to, authorised)) return;
    if (message.kind === 'reserve') this.feed({ kind: 'unsendable', reservationId: message.reservationId });
  }

  async #ask({ deployment, approval }: Extract<OwnerEffect, { kind: 'vote' }>): Promise<void> {
    const agent = this.state.deployments.get(deployment)?.agent;
    if (agent === undefined || this.#proposals.has(deployment)) return; // asked before this start, and still open
    const proposalId = await this.#parts.propose({ agent, approval });
    try {
      if (proposalId === undefined) return this.feed({ kind: 'voted', deployment, approval: null });
      await this.#journal.writeVote(deployment, proposalId);
      this.#proposals.set(deployment, proposalId);
      this.#parts.onStep(this.state, this.state);
    } catch (error) {
      this.#parts.reporter.report('fog.halted', { area: 'owner', error });
    }
  }
}
