import { systemClock } from '../../node/discovery/index.ts';
import { Governance } from '../../node/governance/index.ts';
import { type HostOptions, Libp2pHost } from '../../node/host/index.ts';
import { MemoryDatabase, MemoryStore } from '../../node/storage/index.ts';
import { Policy, villageIdOf } from '../../src/constitution/index.ts';
import { constitution as drawn, KeyRing, type VoterName } from './governance-network.ts';
import { keypair } from './keypair.ts';
import { GuestList, Reports } from './mesh-hosts.ts';
import { until } from './until.ts';

export const constitution = { ...drawn, created_at: Date.now() - 1_000 };
export const villageId = villageIdOf(constitution);
const KEY = 'knowledge.retention_days';
const never = { signal: new AbortController().signal };

export interface GoverningNode {
  readonly host: Libp2pHost;
  readonly governance: Governance;
  readonly guests: GuestList;
  readonly reports: Reports;
  readonly days: () => unknown;
}

type Limits = HostOptions['limits'];
let names = 0;

/** Nodes that govern, on real libp2p. Each has a guest list of its own: whoever is not on it is hung up on and not let in. */
export class GoverningNodes {
  readonly #limits: Limits;
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(limits: Limits = {}) {
    this.#limits = { redialFirstMs: 100, redialLongestMs: 300, ...limits };
  }

  /** A host of the same village that governs nothing; not started. */
  host(seed: number, reports = new Reports()): { readonly host: Libp2pHost; readonly guests: GuestList } {
    const key = keypair(seed);
    const guests = new GuestList();
    guests.members.add(key.peerId);
    const database = new MemoryDatabase();
    names += 1;
    const host = new Libp2pHost({
      nodeId: key.peerId,
      peerSeed: Buffer.from(key.d, 'base64url'),
      villageId,
      membership: guests,
      listen: [`/memory/governance-${process.pid}-${names}`],
      transport: 'memory',
      stores: { host: database.namespace('host'), knownPeers: database.namespace('known') },
      reporter: reports,
      limits: this.#limits,
    });
    this.#stops.push(() => host.stop());
    return { host, guests };
  }

  async start(seed: number, holds: readonly VoterName[]): Promise<GoverningNode> {
    const key = keypair(seed);
    const reports = new Reports();
    const { host, guests } = this.host(seed, reports);
    let policy = new Policy(constitution);
    const village = {
      villageId,
      constitution,
      policy: () => policy,
      setPolicy: (next: Policy) => {
        policy = next;
      },
      chain: () => [],
      verify: (chain: readonly string[], nodeId: string) => guests.verify(chain, nodeId),
    };
    const governance = await Governance.open({
      host,
      village,
      reporter: reports,
      clock: systemClock,
      store: new MemoryStore(),
      keys: new KeyRing(holds),
      sign: (typ, payload) => key.jws(typ, payload),
      alone: () => false,
      pullIntervalMs: 500,
    });
    this.#stops.push(() => governance.stop());
    await host.start();
    governance.start();
    return { host, governance, guests, reports, days: () => policy.value(KEY) };
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

type Guest = Pick<GoverningNode, 'host' | 'guests'>;

export function allow(one: Guest, other: Guest): void {
  one.guests.members.add(other.host.nodeId);
  other.guests.members.add(one.host.nodeId);
}

/** Both stop to let the other in, and hang up. */
export function forbid(one: Guest, other: Guest): void {
  one.guests.members.delete(other.host.nodeId);
  other.guests.members.delete(one.host.nodeId);
  one.host.reverify();
  other.host.reverify();
}

export async function link(one: Guest, other: Guest): Promise<void> {
  await one.host.dial(other.host.addresses()[0] as string, { signal: AbortSignal.timeout(5_000) });
}

const as = ({ host }: Guest, agentId: VoterName) => ({ agentId, homeNode: host.nodeId, issuedAtMs: Date.now() });

/** Proposes so many days, and votes for it where sage is. Answers the proposal. */
export async function proposeDays(node: GoverningNode, days: number): Promise<string> {
  const request = {
    title: `Keep ${days} days`,
    description: 'x',
    type: 'major_change',
    configUpdates: { [KEY]: days },
    autoVote: true,
  };
  const acted = await until(async () => {
    const tried = await node.governance.propose(request, as(node, 'sage'), never);
    return tried.kind === 'done' && tried;
  });
  return acted.value.proposal_id;
}

export async function approve(node: GoverningNode, voter: VoterName, proposalId: string): Promise<void> {
  const request = { proposalId, vote: 'approve', reasoning: 'yes', conditions: [], final: false } as const;
  await until(async () => (await node.governance.vote(request, as(node, voter), never)).kind === 'done');
}
