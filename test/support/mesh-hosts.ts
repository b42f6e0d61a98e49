import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HostOptions, Libp2pHost, type MembershipDesk } from '../../node/host/index.ts';
import { MemoryDatabase } from '../../node/storage/index.ts';
import type { EventName, Events, Reporter } from '../../node/telemetry/events.ts';
import { peerIdOfPublicKey } from '../../src/kernel/index.ts';

export interface ReportedEvent {
  readonly name: EventName;
  readonly detail: Events[EventName];
}

/** Keeps what was reported. */
export class Reports implements Reporter {
  readonly events: ReportedEvent[] = [];

  report<Name extends EventName>(name: Name, detail: Events[Name]): void {
    this.events.push({ name, detail });
  }

  of<Name extends EventName>(name: Name): Events[Name][] {
    return this.events.filter((event) => event.name === name).map((event) => event.detail as Events[Name]);
  }
}

export interface Identity {
  readonly seed: Uint8Array;
  readonly nodeId: string;
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function newIdentity(seed: Uint8Array = randomBytes(32)): Identity {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const x = createPublicKey(key).export({ format: 'jwk' })['x'] as string;
  return { seed, nodeId: peerIdOfPublicKey(Buffer.from(x, 'base64url')) };
}

/** A village of whoever is on the list. */
export class GuestList implements MembershipDesk {
  readonly members = new Set<string>();

  chain(): readonly string[] {
    return [];
  }

  verify(chain: readonly string[], nodeId: string): ReturnType<MembershipDesk['verify']> {
    if (!this.members.has(nodeId)) return { kind: 'refused', because: 'broken-chain' };
    const may = { host: true, invite: false, issue: 'OPERATOR' } as const;
    const membership = {
      nodeId,
      issuerKey: new Uint8Array(32),
      may,
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      chain,
      depth: 1,
    };
    return { kind: 'member', membership };
  }
}

export interface TestHost {
  readonly host: Libp2pHost;
  readonly reports: Reports;
  readonly identity: Identity;
}

let names = 0;

/** Hosts of one village, taken down together. */
export class TestVillage {
  readonly guests = new GuestList();
  readonly villageId = randomBytes(32).toString('hex');
  readonly #stops: (() => Promise<void>)[] = [];

  /** A host that is started; a member unless `stranger`. */
  async host(changes: Partial<HostOptions> & { stranger?: boolean; identity?: Identity } = {}): Promise<TestHost> {
    const made = this.make(changes);
    await made.host.start();
    return made;
  }

  make(changes: Partial<HostOptions> & { stranger?: boolean; identity?: Identity } = {}): TestHost {
    const { stranger = false, identity = newIdentity(), ...options } = changes;
    if (!stranger) this.guests.members.add(identity.nodeId);
    const database = new MemoryDatabase();
    const reports = new Reports();
    names += 1;
    const host = new Libp2pHost({
      nodeId: identity.nodeId,
      peerSeed: identity.seed,
      villageId: this.villageId,
      membership: this.guests,
      listen: options.transport === 'tcp' ? ['/ip4/127.0.0.1/tcp/0'] : [`/memory/host-${process.pid}-${names}`],
      transport: 'memory',
      stores: { host: database.namespace('host'), knownPeers: database.namespace('known-peers') },
      reporter: reports,
      ...options,
    });
    this.cleanUp(() => host.stop());
    return { host, reports, identity };
  }

  cleanUp(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'village-host-'));
    this.cleanUp(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async stop(): Promise<void> {
    const stops = this.#stops.splice(0).reverse();
    await Promise.all(stops.map((stop) => stop()));
  }
}
