import {
  announcementOf,
  answerGovernance,
  type CarriedReceipt,
  GOVERNANCE,
  type GovernanceShelf,
  type Heard,
  heldOf,
  readAnnouncement,
  type SponsorReply,
} from '../../protocols/governance/index.ts';
import { RateLimiter } from '../../src/routing/index.ts';
import type { SpreadParts } from './ports.ts';
import { pullFrom } from './pull.ts';
import { PullQueue } from '../revocation/pull-queue.ts';

const TOPIC = 'governance/1';
const PULL_INTERVAL_MS = 10_000;
/** A statement put aside is reason to ask soon, and asking often is no use. */
const HURRY_MS = 500;
/** Announcements of one publisher that are looked at; the others come by pulling. */
const HEARD = { perMinute: 6_000, burst: 1_000 };
/** Of what a pull brought, told on at once: it mends a village that was cut in two. */
const MAX_TOLD_ON = 64;
const MAX_RETOLD = 4;
const RETELL_MS = 100;

/** What came of a statement or receipt. `kept` resolves when it is on disk, and never rejects. */
export interface Taken {
  readonly kind: 'news' | 'known' | 'parked' | 'bad';
  readonly kept?: Promise<void> | undefined;
}

/** Where what was heard goes. */
export interface Intake extends Omit<GovernanceShelf, 'sponsor'> {
  /** Signs for a call that `from` asks for, if a voter here will. Never rejects. */
  sponsor(request: string, from: string): Promise<SponsorReply>;
  takeStatement(token: string, from: string): Taken;
  takeReceipt(carried: CarriedReceipt): Taken;
  /** A peer gave us everything it has. */
  pulled(nodeId: string): void;
  /** Time has passed. */
  tick(): void;
}

/** Carries statements and receipts through the village: gossip tells them at once, pulling makes sure. */
export class Spread {
  readonly #parts: SpreadParts;
  readonly #intake: Intake;
  readonly #pulls: PullQueue;
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #stopping = new AbortController();
  readonly #undo: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;
  #tickAt = Number.POSITIVE_INFINITY;

  /** Serves and listens on the host. Before the host starts. */
  constructor(parts: SpreadParts, intake: Intake) {
    this.#parts = parts;
    this.#intake = intake;
    this.#pulls = new PullQueue((nodeId) => this.#pull(nodeId));
    parts.host.handle(GOVERNANCE, (stream, { nodeId }) => {
      const shelf = { ...intake, sponsor: (request: string) => intake.sponsor(request, nodeId) };
      return answerGovernance(stream, shelf, { signal: AbortSignal.timeout(GOVERNANCE.timeoutMs) });
    });
    parts.host.subscribe(TOPIC, (data, from) => this.#hear(data, from));
  }

  /** Begins to ask. After the host has started. */
  start(): void {
    const { host } = this.#parts;
    this.#undo.push(host.onAdmitted(({ nodeId }) => this.#pulls.add(nodeId)));
    for (const nodeId of host.admitted().keys()) this.#pulls.add(nodeId);
    this.#tickIn(this.#interval());
  }

  /** Resolves when nothing of it runs any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTick();
    for (const undo of this.#undo.splice(0)) undo();
    await this.#pulls.stop();
  }

  /** Never rejects: who does not hear it now will pull it. Told again where nobody could hear it yet. */
  async tell(heard: Heard, attempt = 0): Promise<void> {
    const { host, clock } = this.#parts;
    if (host.admitted().size === 0 || this.#stopping.signal.aborted) return;
    try {
      await host.publish(TOPIC, announcementOf(heard));
    } catch {
      // Gossip has no links yet to those who are connected.
      if (attempt < MAX_RETOLD) clock.after(RETELL_MS * 2 ** attempt, () => void this.tell(heard, attempt + 1));
    }
  }

  /** Whether what was gossiped may go on to others. */
  #hear(data: Uint8Array, from: string): boolean {
    const { host, clock } = this.#parts;
    if (from === host.nodeId) return true;
    if (this.#rates.take(from, HEARD, clock.now()) > 0) return false;
    const heard = readAnnouncement(data);
    if (heard === undefined) return false;
    return this.#take(heard, from).kind !== 'bad';
  }

  #take(heard: Heard, from: string): Taken {
    if (heard.kind === 'receipt') return this.#intake.takeReceipt({ receipt: heard.receipt, chain: heard.chain });
    const taken = this.#intake.takeStatement(heard.statement, from);
    // Spec governance/R9: what it waits for is asked for.
    if (taken.kind === 'parked') this.#hurry(from);
    return taken;
  }

  async #pull(nodeId: string): Promise<void> {
    const { host, reporter } = this.#parts;
    const intake = this.#intake;
    const told: Heard[] = [];
    const take = async (all: readonly Heard[]): Promise<number> => {
      const taken = all.map((heard) => {
        const { kind, kept } = this.#take(heard, nodeId);
        if (kind === 'news' && told.length < MAX_TOLD_ON) told.push(heard);
        return { kind, kept };
      });
      await Promise.all(taken.flatMap(({ kept }) => kept ?? []));
      return taken.filter(({ kind }) => kind === 'bad').length;
    };
    const ended = await pullFrom(nodeId, {
      host,
      signal: this.#stopping.signal,
      held: Object.fromEntries([...intake.logs()].map(([log, statements]) => [log, heldOf(statements)])),
      receiptsDigest: intake.receiptsDigest(),
      takeStatements: (statements) => take(statements.map((statement) => ({ kind: 'statement', statement }))),
      takeReceipts: (receipts) => take(receipts.map((carried) => ({ kind: 'receipt', ...carried }))),
    });
    if (ended.kind === 'lied') {
      reporter.report('peer.misbehaved', { peer: nodeId, protocol: GOVERNANCE.name, reason: ended.because });
    } else if (ended.kind === 'done') {
      intake.pulled(nodeId);
    }
    // Spec governance/R3: whoever wrote it, whoever has not heard it gets it from us.
    for (const heard of told) await this.tell(heard);
  }

  #tick(): void {
    const { host, clock } = this.#parts;
    this.#tickIn(this.#interval());
    this.#intake.tick();
    const peers = [...host.admitted().keys()];
    const peer = peers[Math.floor(clock.chance() * peers.length)];
    if (peer !== undefined) this.#pulls.add(peer);
  }

  #interval(): number {
    const { clock, pullIntervalMs = PULL_INTERVAL_MS } = this.#parts;
    return pullIntervalMs * (0.5 + clock.chance());
  }

  #hurry(nodeId: string): void {
    if (this.#parts.host.admitted().has(nodeId)) this.#pulls.add(nodeId);
    if (this.#tickAt - this.#parts.clock.now() > HURRY_MS) this.#tickIn(HURRY_MS);
  }

  #tickIn(ms: number): void {
    this.#cancelTick();
    if (this.#stopping.signal.aborted) return;
    this.#tickAt = this.#parts.clock.now() + ms;
    this.#cancelTick = this.#parts.clock.after(ms, () => this.#tick());
  }
}
