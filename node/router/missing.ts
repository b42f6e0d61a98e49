import type { Level, Principal } from '../../src/permissions/index.ts';
import { atLeast, reaches } from '../../src/permissions/index.ts';
import { type Catalogue, levelToSee } from '../../src/routing/index.ts';
import { accessOf } from '../backends/access-of.ts';
import type { HostedServer, ServerState } from '../backends/backend.ts';
import { LostServers, problemOf } from './lost-servers.ts';
import type { RouterParts } from './parts.ts';

/** The key of a list's `_meta` under which it says which servers' items it lacks. */
export const MISSING = 'village.mesh/missing';

/** A server that agents could count on and that is not there now. */
export interface MissingServer {
  readonly server: string;
  /** The node that serves it, or did last; absent: this one hosts it. */
  readonly node?: string | undefined;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly problem?: string | undefined;
}

/** What the lists lack: servers hosted here that are down, and servers of other nodes that are away. */
export class Missing {
  readonly #parts: Pick<RouterParts, 'hosting' | 'isUnfit' | 'knownServers'>;
  readonly #lost: LostServers;
  /** Of those hosted here: since they were first found so, however often they are started again meanwhile. */
  readonly #since = new Map<string, string>();
  #catalogue: Catalogue;
  #version = 0;
  #seen = '';

  constructor(parts: Pick<RouterParts, 'hosting' | 'isUnfit' | 'catalogue' | 'knownServers'>) {
    this.#parts = parts;
    this.#catalogue = parts.catalogue();
    const kept = parts.knownServers?.kept ?? [];
    this.#lost = new LostServers(this.#catalogue, { kept, wallMs: Date.now });
  }

  /** Rises whenever the answer may have become another. */
  get version(): number {
    return this.#version;
  }

  /** A node is not believed any more, for this reason; the catalogue that lacks it follows, where it had anything of it. */
  nodeDropped(nodeId: string, reason: string): void {
    this.#lost.nodeDropped(nodeId, reason);
    this.#look();
  }

  /** The catalogue, or what is hosted, may have changed. */
  refresh(catalogue: Catalogue): void {
    if (catalogue !== this.#catalogue) {
      this.#lost.compare(catalogue);
      this.#catalogue = catalogue;
    }
    this.#look();
  }

  /** All of them; for `principal`, those that it could use. */
  list(principal?: Principal | undefined): MissingServer[] {
    const may = (alias: string, level: Level): boolean =>
      principal === undefined || (atLeast(principal.level, level) && reaches(principal.permissions, alias));
    const down = this.#down();
    const hosted = new Set(down.map(({ alias }) => alias));
    const own = down.filter((server) => may(server.alias, levelToSee(accessOf(server))));
    const others = this.#lost.list().filter(({ label, alias, level }) => !hosted.has(label) && may(alias, level));
    return [
      ...own.map((server) => ({ server: server.alias, ...this.#conditionOf(server) })),
      ...others.map((one) => ({
        server: one.label,
        node: one.nodeId,
        since: new Date(one.sinceMs).toISOString(),
        problem: problemOf(one),
      })),
    ];
  }

  #look(): void {
    const down = new Map(this.#down().map((server) => [server.alias, server]));
    for (const alias of this.#since.keys()) if (!down.has(alias)) this.#since.delete(alias);
    const own = [...down].map(([alias, server]) => {
      const condition = this.#conditionOf(server);
      this.#since.set(alias, condition.since);
      return [alias, condition];
    });
    const seen = JSON.stringify([this.#lost.list(), own]);
    if (seen !== this.#seen) this.#version += 1;
    this.#seen = seen;
    this.#parts.knownServers?.save(this.#lost.known());
  }

  #conditionOf(server: HostedServer): Pick<MissingServer, 'since' | 'problem'> {
    const { state, since } = server.state();
    return {
      since: this.#since.get(server.alias) ?? new Date(since).toISOString(),
      problem: problemIn(state, this.#parts.isUnfit?.(server.alias) === true),
    };
  }

  #down(): HostedServer[] {
    const listed = new Set(
      this.#catalogue.services.filter(({ replicas }) => replicas.some((one) => one.local)).map(({ alias }) => alias),
    );
    return this.#parts.hosting.servers().filter((server) => {
      return !listed.has(server.alias) && server.state().state !== 'disabled';
    });
  }
}

/** What an agent is told that wants something of it. */
export function sayMissing({ server, since, problem }: MissingServer): string {
  return `${server} is not there since ${since}${problem === undefined ? '' : `: ${problem}`}`;
}

function problemIn(state: ServerState, isUnfit: boolean): string {
  // Why it is down may be the last thing that it printed: that is for the node's status, not for agents.
  if (state === 'down') return 'it is down, and the status of this node says why';
  if (isUnfit) return 'it offers more than can be listed, and the status of this node says what to do';
  // Up, and not listed yet: that comes a moment later.
  return 'it is starting';
}
