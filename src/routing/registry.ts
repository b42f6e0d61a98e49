import type { ServerDefinition } from '../mcp/index.ts';
import { buildCatalogue, type Catalogue } from './catalogue.ts';
import type { AwayServer, NodeDescriptor, ServerSummary } from './descriptor.ts';
import { isRole } from './roles.ts';
import type { Offer } from './service.ts';

/** A server of this node, as the registry lists it. */
export interface LocalServer extends Omit<ServerSummary, 'toolHashes'> {
  readonly definition: ServerDefinition;
}

export interface KnownNode {
  readonly nodeId: string;
  readonly seq: number;
  /** On the clock that never steps: from when on it is no longer believed. */
  readonly believedUntilMs: number;
  readonly servers: readonly ServerSummary[];
  /** What it is to serve and does not serve now. */
  readonly away: readonly AwayServer[];
}

export type Refusal =
  | 'foreign'
  | 'expired'
  | 'roll-back'
  | 'equivocation'
  | 'undefined-server'
  | 'not-a-role'
  | 'duplicate'
  | 'full';

/** A third-party server whose tools were described otherwise when we last saw it on that node. */
export interface Redefined {
  readonly alias: string;
  readonly tools: readonly string[];
}

/** One moment on two clocks: since 1970, and on one that never steps. */
export interface Instants {
  readonly wallMs: number;
  readonly nowMs: number;
}

export type Acceptance =
  | { readonly kind: 'accepted'; readonly changed: boolean; readonly redefined: readonly Redefined[] }
  | { readonly kind: 'refused'; readonly because: Refusal };

/** Clocks of machines at the edge differ; a descriptor is fetched live, so this much either way is no danger. */
const CLOCK_SKEW_MS = 120_000;
const MAX_BELIEF_MS = 300_000;
const MAX_NODES = 1024;
const MAX_REMEMBERED = 8192;

interface Memory {
  readonly seq: number;
  readonly fingerprint: string;
  readonly toolHashes: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Who serves what, as far as this node knows: its own servers and what other nodes' verified descriptors say. Time is passed in. */
export class Registry {
  readonly #village: string;
  readonly #self: string;
  readonly #nodes = new Map<string, KnownNode & { readonly offers: readonly Offer[] }>();
  /** Outlives a dropped node, so that it can't come back with an older descriptor. */
  readonly #remembered = new Map<string, Memory>();
  #local: readonly Offer[] = [];
  #catalogue: Catalogue = buildCatalogue([], 0);
  #stale = false;

  constructor(options: { readonly village: string; readonly self: string }) {
    this.#village = options.village;
    this.#self = options.self;
  }

  /** The newest catalogue; the same object until something changed. */
  catalogue(): Catalogue {
    if (this.#stale) {
      const offers = [...this.#local, ...[...this.#nodes.values()].flatMap((node) => node.offers)];
      const away = new Map([...this.#nodes.values()].map((node) => [node.nodeId, node.away]));
      this.#catalogue = buildCatalogue(offers, this.#catalogue.version + 1, { away });
      this.#stale = false;
    }
    return this.#catalogue;
  }

  setLocal(servers: readonly LocalServer[]): void {
    this.#local = servers.map(({ alias, kind, definitionHash, firstSeenMs, definition, draining }) => {
      return { nodeId: this.#self, alias, local: true, definitionHash, firstSeenMs, kind, definition, draining };
    });
    this.#stale = true;
  }

  /**
   * Takes a descriptor whose signature is verified, with the definitions it names (by hash, each checked against it). A withdrawn
   * one removes the node. Refusals change nothing.
   */
  accept(descriptor: NodeDescriptor, definitions: ReadonlyMap<string, ServerDefinition>, at: Instants): Acceptance {
    const because = this.#refusal(descriptor, definitions, at.wallMs);
    if (because !== undefined) return { kind: 'refused', because };
    const { node: nodeId, seq, servers, away = [] } = descriptor;
    const before = this.#nodes.get(nodeId);
    const redefined = this.#redefined(nodeId, servers);
    this.#remember(descriptor);
    if (descriptor.withdrawn === true) return { kind: 'accepted', changed: this.drop(nodeId), redefined: [] };
    const believedUntilMs = at.nowMs + Math.min(descriptor.expiresAtMs - descriptor.issuedAtMs, MAX_BELIEF_MS);
    const changed = before?.seq !== seq;
    const offers = changed ? offersOf(descriptor, definitions) : before.offers;
    this.#nodes.set(nodeId, { nodeId, seq, believedUntilMs, servers, away, offers });
    this.#stale ||= changed;
    return { kind: 'accepted', changed, redefined };
  }

  /** The node said that it leaves, under this number: what it said before is void. */
  withdraw(nodeId: string, seq: number): void {
    const memory = this.#remembered.get(nodeId);
    if (memory !== undefined && memory.seq >= seq) return;
    this.#remember({ node: nodeId, seq, withdrawn: true, servers: [] });
    this.drop(nodeId);
  }

  /** Forgets what `nodeId` serves. Whether anything was known. */
  drop(nodeId: string): boolean {
    const known = this.#nodes.delete(nodeId);
    this.#stale ||= known;
    return known;
  }

  /** Drops every node that is no longer believed at `nowMs`, on the clock that never steps, and names them. */
  expire(nowMs: number): string[] {
    const gone = [...this.#nodes.values()].filter((node) => node.believedUntilMs <= nowMs).map((node) => node.nodeId);
    for (const nodeId of gone) this.drop(nodeId);
    return gone;
  }

  node(nodeId: string): KnownNode | undefined {
    return this.#nodes.get(nodeId);
  }

  nodes(): KnownNode[] {
    return [...this.#nodes.values()];
  }

  /** The highest sequence number ever accepted from `nodeId`, known or dropped. */
  highestSeq(nodeId: string): number | undefined {
    return this.#remembered.get(nodeId)?.seq;
  }

  #refusal(
    descriptor: NodeDescriptor,
    definitions: ReadonlyMap<string, ServerDefinition>,
    wallMs: number,
  ): Refusal | undefined {
    const { node, seq, servers, away = [] } = descriptor;
    if (descriptor.village !== this.#village || node === this.#self) return 'foreign';
    if (descriptor.expiresAtMs <= descriptor.issuedAtMs || descriptor.expiresAtMs + CLOCK_SKEW_MS < wallMs)
      return 'expired';
    const memory = this.#remembered.get(node);
    if (memory !== undefined && seq < memory.seq) return 'roll-back';
    if (memory !== undefined && seq === memory.seq && memory.fingerprint !== fingerprint(descriptor))
      return 'equivocation';
    if (descriptor.withdrawn === true) return undefined;
    if (!this.#nodes.has(node) && this.#nodes.size >= MAX_NODES) return 'full';
    const named = [...servers, ...away];
    if (named.some(({ kind, alias }) => kind === 'role' && !isRole(alias))) return 'not-a-role';
    if (new Set(named.map(({ alias }) => alias)).size !== named.length) return 'duplicate';
    if (servers.some((server) => !definitions.has(server.definitionHash))) return 'undefined-server';
    return undefined;
  }

  #redefined(nodeId: string, servers: readonly ServerSummary[]): Redefined[] {
    const memory = this.#remembered.get(nodeId);
    if (memory === undefined) return [];
    return servers.flatMap(({ alias, kind, toolHashes }) => {
      const before = memory.toolHashes.get(alias);
      if (kind === 'role' || before === undefined) return [];
      const tools = Object.keys(toolHashes).filter(
        (tool) => before[tool] !== undefined && before[tool] !== toolHashes[tool],
      );
      return tools.length === 0 ? [] : [{ alias, tools }];
    });
  }

  #remember(descriptor: Pick<NodeDescriptor, 'node' | 'seq' | 'withdrawn' | 'servers' | 'away'>): void {
    const { node, seq, servers } = descriptor;
    const toolHashes = new Map(this.#remembered.get(node)?.toolHashes);
    for (const server of servers) toolHashes.set(server.alias, server.toolHashes);
    for (const alias of toolHashes.keys()) if (toolHashes.size > 512) toolHashes.delete(alias);
    this.#remembered.delete(node);
    this.#remembered.set(node, { seq, fingerprint: fingerprint(descriptor), toolHashes });
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break;
      if (!this.#nodes.has(oldest)) this.#remembered.delete(oldest);
    }
  }
}

function offersOf(descriptor: NodeDescriptor, definitions: ReadonlyMap<string, ServerDefinition>): Offer[] {
  return descriptor.servers.map(({ alias, kind, definitionHash, firstSeenMs, draining }) => {
    const definition = definitions.get(definitionHash) as ServerDefinition;
    return { nodeId: descriptor.node, alias, local: false, definitionHash, firstSeenMs, kind, definition, draining };
  });
}

/** What a sequence number stands for: two descriptors with one number must agree in it. */
function fingerprint({
  withdrawn,
  servers,
  away = [],
}: Pick<NodeDescriptor, 'withdrawn' | 'servers' | 'away'>): string {
  const lines = servers.map(
    (server) =>
      `${server.alias} ${server.kind} ${server.definitionHash} ${server.firstSeenMs}${server.draining === true ? ' draining' : ''}`,
  );
  const lacks = away.map(({ alias, kind, level, sinceMs }) => `away ${alias} ${kind} ${level} ${sinceMs}`);
  return [withdrawn === true ? 'withdrawn' : 'serving', ...lines.sort(), ...lacks.sort()].join('\n');
}
