import { openAd, type Said, type Sign, type Told } from '../../protocols/fog/index.ts';
import type { Approval, Gpu, NodeConfig, OwnerConfig, ToNode, Transition } from '../../src/fog/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { FogFigures } from '../telemetry/index.ts';
import { Advertising, type AdvertisingParts } from './advertising.ts';
import type { CheckParts } from './checks.ts';
import type { FogOffice } from './desk.ts';
import { figuresOf } from './figures.ts';
import { MapExchange, type MapExchangeParts } from './map-exchange.ts';
import { MapPublisher } from './map-publisher.ts';
import { NodeSide, type NodeSideParts } from './node-side.ts';
import { Office } from './office.ts';
import { OwnerSide, type OwnerSideParts } from './owner-side.ts';
import type { FogClock } from './ports.ts';
import { type GuestHosting, ShardGroups } from './serving/index.ts';
import { RemoteLogs } from './remote-logs.ts';
import { ShardMaps } from './shard-maps.ts';
import { ShardRouting } from './shard-routing.ts';
import { Timeline } from './timeline.ts';
import { Waiting } from './waiting.ts';
import { troublesOf } from './troubles.ts';
import { ownView } from './views.ts';
import { FogWire, type WireHost } from './wire.ts';

export interface FogParts
  extends Pick<NodeSideParts, 'runner' | 'artifacts'>,
    Pick<OwnerSideParts, 'authority' | 'propose'> {
  readonly host: WireHost & MapExchangeParts['host'];
  readonly hosting: GuestHosting;
  readonly villageId: string;
  readonly sign: Sign;
  readonly stores: { readonly node: Store; readonly owner: Store };
  readonly clock: FogClock;
  readonly reporter: Reporter;
  readonly node: NodeConfig;
  readonly gpus: readonly Gpu[];
  readonly condition: AdvertisingParts['condition'];
  readonly checks: Omit<CheckParts, 'artifacts' | 'wallMs'>;
  readonly remember: (principal: Principal) => void;
  /** Agents in whose name this node can ask nobody any more. */
  readonly unspoken: () => ReadonlySet<string>;
}

const TO_NODE: ReadonlySet<Said['kind']> = new Set<ToNode['kind']>([
  'cfp',
  'reserve',
  'accept',
  'renew-ok',
  'renew-no',
  'release',
  'cancel',
  'query',
  'ack',
]);
/** Maps that a peer is told when it is admitted, the newest. */
const MAX_GREETED = 200;

interface Sides {
  readonly node: NodeSide;
  readonly owner: OwnerSide;
  readonly office: FogOffice;
}

/** This node's part in fog: what it gives, what it wants run, and what it knows of the others. */
export class Fog {
  /** Sends calls of deployments to their slots. */
  readonly routing: ShardRouting;
  /** Reads what its shards print elsewhere. */
  readonly logs: RemoteLogs;
  readonly #parts: FogParts;
  readonly #wire: FogWire;
  readonly #maps: ShardMaps;
  readonly #exchange: MapExchange;
  readonly #advertising: Advertising;
  readonly #waiting = new Waiting();
  readonly #timeline: Timeline;
  readonly #listeners = new Set<(what: Transition) => void>();
  #sides: Sides | undefined;

  private constructor(parts: FogParts) {
    const { host, villageId, sign, clock, reporter, gpus, condition } = parts;
    this.#parts = parts;
    this.#timeline = new Timeline(host.nodeId);
    this.#maps = new ShardMaps(villageId);
    this.#wire = new FogWire(
      { host, villageId, sign, reporter, now: () => clock.now() },
      {
        hear: (said, from) => this.#hear(said, from),
        hearAd: async (token) => void this.#hearAd(token),
        hearMap: async (token) => void this.#maps.hear(token),
        askedForLogs: async (asked, from) => this.logs.asked(asked, from),
        hearLogs: async (answer, from) => this.logs.heard(answer, from),
        askedForMap: async (named, from) => this.#exchange.answer(named, from),
        announced: (told) => (told.kind === 'ad' ? this.#hearAd(told.ad) : this.#maps.hear(told.map) !== 'bad'),
        greeting: () => this.#greeting(),
        unsent: (said, to) => this.#unsent(said, to),
      },
    );
    this.#exchange = new MapExchange({
      ...{ host, clock, maps: this.#maps },
      publisher: new MapPublisher({ villageId, sign, clock }),
      wire: () => this.#wire,
      state: () => this.#made().owner.state,
      onPublished: () => this.#waiting.changed(),
      onFailed: (error) => reporter.report('background.failed', { area: 'fog maps', error }),
    });
    this.logs = new RemoteLogs({
      clock,
      ask: (nodeId, asked) => this.#wire.askLogs(nodeId, asked),
      answer: (nodeId, answer) => this.#wire.tellLogs(nodeId, answer),
      logsFor: (placementId, owner) => this.#made().node.logsFor(placementId, owner),
    });
    this.routing = new ShardRouting({
      maps: this.#maps,
      ask: (nodeId, deployment) => this.#exchange.ask(nodeId, deployment),
      find: (alias) => this.#exchange.find(alias),
      chance: () => clock.chance(),
    });
    this.#advertising = new Advertising({
      ...{ villageId, sign, clock, reporter, gpus, condition },
      state: () => this.#made().node.state,
      setPower: (verdict) => this.#made().node.setPower(verdict),
      tell: (ad, token) => {
        this.#made().owner.hearAd(ad);
        void this.#wire.tell({ kind: 'ad', ad: token });
      },
    });
  }

  /**
   * Ends what an earlier run left behind and reads its promises. Before the host starts.
   * Errors: STORE_FAILED, JOURNAL_DAMAGED, and those of the runner's sweep.
   */
  static async open(parts: FogParts): Promise<Fog> {
    const fog = new Fog(parts);
    await fog.#open();
    return fog;
  }

  /** What people and agents ask of fog. */
  get office(): FogOffice {
    return this.#made().office;
  }

  /** After the host has started. */
  async start(): Promise<void> {
    const { node, owner } = this.#made();
    this.#wire.start();
    node.start();
    owner.start();
    await this.#advertising.start();
    // Gossip does not reach those with whom this node has only just met.
    const ad = this.#advertising.token;
    if (ad === undefined) return;
    for (const peer of this.#parts.host.admitted().keys()) this.#wire.tellOne(peer, { kind: 'ad', ad });
  }

  /** Another capacity, other programs or another policy are in force. */
  configure(config: NodeConfig): void {
    const { node, owner } = this.#made();
    node.configure(config);
    owner.feed({ kind: 'configure', votePolicy: config.votePolicy });
    this.#advertising.nudge();
  }

  /** A proposal was decided. `allows`: what it allows that agent; null: nothing. */
  async decided(proposalId: string, allows: (agent: string) => Approval | null): Promise<void> {
    const { owner } = this.#made();
    const deployment = owner.deploymentOf(proposalId);
    const agent = deployment === undefined ? undefined : owner.state.deployments.get(deployment)?.agent;
    if (deployment !== undefined && agent !== undefined) await owner.voted(deployment, allows(agent), proposalId);
  }

  figures(): FogFigures {
    const { node, owner } = this.#made();
    return figuresOf(node.state, owner.state);
  }

  /** For whoever runs this node; empty when all is well. */
  troubles(): readonly string[] {
    const { node, owner } = this.#made();
    const deployments = [...owner.state.deployments.values()].map((one) => ({
      view: ownView(owner.state, one, owner.proposalOf(one.deployment)),
      agent: one.agent,
    }));
    const working = { node: node.working, owner: owner.working };
    return troublesOf({ working, deployments, unspoken: this.#parts.unspoken() });
  }

  /** Deployments that wait for a vote: deployment → proposal. */
  awaited(): ReadonlyMap<string, string> {
    const { owner } = this.#made();
    const waiting = [...owner.state.deployments.values()].filter(({ vote }) => vote === 'awaited');
    return new Map(
      waiting.flatMap(({ deployment }) => {
        const proposalId = owner.proposalOf(deployment);
        return proposalId === undefined ? [] : [[deployment, proposalId] as const];
      }),
    );
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.#advertising.stop();
    const { node, owner } = this.#made();
    await node.stop();
    await owner.stop();
    await this.#wire.stop();
  }

  async #open(): Promise<void> {
    const parts = this.#parts;
    const { clock, reporter, runner, artifacts, stores, authority, propose } = parts;
    const common = { clock, reporter, onTransition: (what: Transition) => this.#changed(what) };
    const checks = { ...parts.checks, artifacts, wallMs: () => clock.wallMs() };
    const node = await NodeSide.open({
      ...common,
      ...{ runner, artifacts, checks, config: parts.node, store: stores.node },
      groups: new ShardGroups(parts.hosting),
      send: (to, message) => this.#send(to, message),
      onStep: () => this.#advertising.nudge(),
    });
    const { limits, votePolicy } = parts.node;
    const config: OwnerConfig = { node: parts.host.nodeId, limits, votePolicy };
    const owner = await OwnerSide.open({
      ...common,
      ...{ config, authority, propose, store: stores.owner },
      send: (to, message) => this.#send(to, message),
      publish: (deployment) => this.#exchange.publish(deployment),
      onStep: () => this.#waiting.changed(),
    });
    const office = new Office({
      ...{ node, owner, maps: this.#maps, timeline: this.#timeline, waiting: this.#waiting, remoteLogs: this.logs },
      ...{ nodeId: parts.host.nodeId, remember: parts.remember, reporter },
      listen: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      nowMs: () => clock.boottimeMs(),
    });
    this.#sides = { node, owner, office };
  }

  #made(): Sides {
    if (this.#sides === undefined) throw new TypeError('fog is not open');
    return this.#sides;
  }

  #hear(said: Said, from: string): Promise<void> {
    const { node, owner } = this.#made();
    return isToNode(said) ? node.hear(said, from) : owner.hear(said, from);
  }

  /** Whether it may go on to others: it is what it says, stale or not. */
  #hearAd(token: string): boolean {
    const ad = openAd(token, this.#parts.villageId);
    if (ad !== undefined && ad.node !== this.#parts.host.nodeId) this.#made().owner.hearAd(ad);
    return ad !== undefined;
  }

  #send(to: string, message: Said): boolean {
    const sent = this.#wire.send(to, message);
    if (!sent) this.#parts.reporter.report('fog.unsent', { peer: to, kind: message.kind });
    return sent;
  }

  #unsent(said: Said, to: string): void {
    if (isToNode(said)) this.#made().owner.unreachable(to, said);
  }

  /** Spec fog/R10. That this node has started, and what it ran before is dead, is said to everybody: an owner waits for it. */
  #greeting(): { readonly told: readonly Told[]; readonly said: readonly Said[] } {
    const { bootSeq, instance, config } = this.#made().node.state;
    const ad = this.#advertising.token;
    // Those of others too: their owners signed them, and who comes later hears no gossip of before.
    const known = [...this.#maps.all()].slice(-MAX_GREETED);
    const maps = known.map(({ token: map }): Told => ({ kind: 'map', map }));
    return {
      said: [{ kind: 'hello', node: config.node, bootSeq, instance }],
      told: ad === undefined ? maps : [{ kind: 'ad', ad }, ...maps],
    };
  }

  #changed(what: Transition): void {
    const { of, id, from, to, because, peer = '', fence } = what;
    const spelled = fence === undefined ? '' : `${fence.term}.${fence.epoch}`;
    this.#parts.reporter.report('fog.changed', { of, id, from, to, because, peer, fence: spelled });
    this.#timeline.add(what);
    for (const listener of this.#listeners) listener(what);
    this.#waiting.changed();
  }
}

function isToNode(said: Said): said is ToNode {
  return TO_NODE.has(said.kind);
}
