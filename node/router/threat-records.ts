import { ThreatBook } from '../../src/threat/index.ts';
import { MOST_PEERS } from '../peers/index.ts';
import type { Job } from './job.ts';
import { Quarantine } from './quarantine.ts';

/** Of each peer: with all of them at their bound, 130 MB. */
const MOST_AGENTS_BY_A_PEER = 250;

/** What is known of agents by what came one way. */
export interface ThreatRecord {
  readonly book: ThreatBook;
  readonly quarantine: Quarantine;
}

/** An agent in quarantine on this node. */
export interface Quarantined {
  readonly agent: string;
  /** By which peer's calls, and for whose alone; empty: by its calls at this node. */
  readonly peer: string;
}

/** By which peer a call came; empty: by none, it was asked here. */
export function broughtBy({ side, peer }: Pick<Job, 'side' | 'peer'>): string {
  return side === 'serve' ? peer : '';
}

/**
 * What agents did here, and what each peer says that they did, apart: a peer can send what it likes in the name of an agent that it may speak
 * for, and that counts against the agent only where it comes by that peer. Nor does a peer with many agents crowd out another's.
 */
export class ThreatRecords {
  readonly here: ThreatRecord = { book: new ThreatBook(), quarantine: new Quarantine() };
  readonly #peers = new Map<string, ThreatRecord>();

  /** Of calls that this peer brings; those of this node where it is empty. Beyond MOST_PEERS the one that was silent longest is forgotten. */
  of(peer: string): ThreatRecord {
    if (peer === '') return this.here;
    const known = this.#peers.get(peer);
    if (known !== undefined) {
      if (this.#peers.size > MOST_PEERS / 2) {
        this.#peers.delete(peer);
        this.#peers.set(peer, known);
      }
      return known;
    }
    const bounds = { maxAgents: MOST_AGENTS_BY_A_PEER };
    const fresh = { book: new ThreatBook(bounds), quarantine: new Quarantine(bounds) };
    this.#peers.set(peer, fresh);
    if (this.#peers.size > MOST_PEERS) this.#peers.delete(this.#peers.keys().next().value as string);
    return fresh;
  }

  quarantined(nowMs: number): readonly Quarantined[] {
    return [['', this.here] as const, ...this.#peers].flatMap(([peer, { quarantine }]) =>
      quarantine.agents(nowMs).map((agent) => ({ agent, peer })),
    );
  }
}
