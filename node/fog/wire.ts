import { setTimeout as pause } from 'node:timers/promises';
import {
  announcementOf,
  type Envelope,
  FOG,
  type FogDesk,
  isSendable,
  type LogsAnswer,
  type LogsAsked,
  readAnnouncement,
  readFog,
  type Said,
  sealed,
  type Sign,
  type Told,
} from '../../protocols/fog/index.ts';
import { RateLimiter } from '../../src/routing/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { Reporter } from '../telemetry/events.ts';
import { Outbox } from './outbox.ts';

const TOPIC = 'fog/1';
const MAX_OUTBOXES = 1_024;
/** Announcements of one publisher that are looked at. */
const HEARD = { perMinute: 600, burst: 120 };
/**
 * Messages of one peer that are taken as they come: each may be a line in the journal, an entry on record and an answer. 64 shards of
 * one owner need a tenth of it. Who sends more is read more slowly.
 */
const TAKEN = { perMinute: 3_000, burst: 1_000 };

export type WireHost = Pick<
  MeshHost,
  'nodeId' | 'handle' | 'openStream' | 'subscribe' | 'publish' | 'admitted' | 'onAdmitted'
>;

export interface WireParts {
  readonly host: WireHost;
  readonly villageId: string;
  readonly sign: Sign;
  readonly reporter: Reporter;
  /** A clock that never steps, in milliseconds. */
  readonly now: () => number;
}

/** What hears what others say. `announced` tells whether gossip may go on to others. */
export interface WireDesk extends FogDesk {
  announced(told: Told): boolean;
  /** A peer was admitted: what to tell it at once. */
  greeting(nodeId: string): { readonly told: readonly Told[]; readonly said: readonly Said[] };
  /** A plain message could not be brought to that node. */
  unsent(said: Said, to: string): void;
}

/** Carries fog messages between this node and its peers, itself included. */
export class FogWire {
  readonly #parts: WireParts;
  readonly #desk: WireDesk;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #taken = new RateLimiter({ maxKeys: 4_096 });
  readonly #stopping = new AbortController();
  #undo: (() => void) | undefined;

  /** Serves and listens on the host. Before the host starts. */
  constructor(parts: WireParts, desk: WireDesk) {
    this.#parts = parts;
    this.#desk = desk;
    const { host, villageId } = parts;
    host.handle(FOG, (stream, { nodeId }) =>
      readFog(stream, this.#unhurried(desk), {
        between: { village: villageId, from: nodeId, to: host.nodeId },
        deadline: () => ({ signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(FOG.idleMs)]) }),
      }),
    );
    host.subscribe(TOPIC, (data, from) => this.#heard(data, from));
  }

  start(): void {
    const { host } = this.#parts;
    this.#undo = host.onAdmitted(({ nodeId }) => this.#greet(nodeId));
    for (const nodeId of host.admitted().keys()) this.#greet(nodeId);
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.#undo?.();
    await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.stop()));
    this.#stopping.abort();
  }

  /** Sends a message and does not wait. Whether it can be sent at all: a longer one than the protocol allows cannot. */
  send(to: string, said: Said): boolean {
    const { host, villageId, sign } = this.#parts;
    if (to === host.nodeId) {
      setImmediate(() => void this.#hearOwn(said));
      return true;
    }
    const envelope = sealed(said, { village: villageId, from: host.nodeId, to }, sign);
    if (!isSendable(envelope)) return false;
    this.#outbox(to).send(envelope);
    return true;
  }

  /** Asks a node for the map of a deployment; it comes as any other. */
  askMap(from: string, deployment: string): void {
    this.#outbox(from).send({ v: 1, ask: { map: deployment } });
  }

  askLogs(from: string, asked: LogsAsked): void {
    this.#outbox(from).send({ v: 1, askLogs: asked });
  }

  tellLogs(to: string, answer: LogsAnswer): void {
    this.#outbox(to).send({ v: 1, logs: answer });
  }

  tellOne(to: string, told: Told): void {
    this.#outbox(to).send(asEnvelope(told));
  }

  /** Gossips. Never rejects: nobody need have heard it. */
  async tell(told: Told): Promise<void> {
    const { host } = this.#parts;
    if (host.admitted().size === 0 || this.#stopping.signal.aborted) return;
    await host.publish(TOPIC, announcementOf(told)).catch(() => undefined);
  }

  #unhurried(desk: WireDesk): FogDesk {
    return {
      hear: async (said, from, evidence) => {
        await this.#turn(from);
        await desk.hear(said, from, evidence);
      },
      askedForMap: async (deployment, from) => {
        await this.#turn(from);
        await desk.askedForMap(deployment, from);
      },
      hearAd: (ad, from) => desk.hearAd(ad, from),
      hearMap: (map, from) => desk.hearMap(map, from),
      askedForLogs: (asked, from) => desk.askedForLogs(asked, from),
      hearLogs: (answer, from) => desk.hearLogs(answer, from),
    };
  }

  /** Resolves when a message of this peer may be taken. */
  async #turn(from: string): Promise<void> {
    const { now } = this.#parts;
    const { signal } = this.#stopping;
    const waitMs = this.#taken.take(from, TAKEN, now());
    if (waitMs === 0) return;
    await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined); // it stops
    this.#taken.take(from, TAKEN, now());
  }

  #greet(nodeId: string): void {
    const { told, said } = this.#desk.greeting(nodeId);
    for (const one of said) this.send(nodeId, one);
    for (const one of told) this.tellOne(nodeId, one);
  }

  #heard(data: Uint8Array, from: string): boolean {
    const { host, now } = this.#parts;
    if (from === host.nodeId) return true;
    if (this.#rates.take(from, HEARD, now()) > 0) return false;
    const told = readAnnouncement(data);
    return told !== undefined && this.#desk.announced(told);
  }

  async #hearOwn(said: Said): Promise<void> {
    try {
      await this.#desk.hear(said, this.#parts.host.nodeId);
    } catch (error) {
      this.#parts.reporter.report('background.failed', { area: 'fog', error });
    }
  }

  #outbox(nodeId: string): Outbox {
    const known = this.#outboxes.get(nodeId);
    if (known !== undefined) return known;
    if (this.#outboxes.size >= MAX_OUTBOXES) {
      for (const [id, outbox] of this.#outboxes) if (!outbox.inUse) this.#outboxes.delete(id);
    }
    const outbox = new Outbox(this.#parts.host, {
      nodeId,
      onLost: (envelope) => {
        if ('said' in envelope) this.#desk.unsent(envelope.said, nodeId);
      },
    });
    this.#outboxes.set(nodeId, outbox);
    return outbox;
  }
}

function asEnvelope(told: Told): Envelope {
  return told.kind === 'ad' ? { v: 1, ad: told.ad } : { v: 1, map: told.map };
}
