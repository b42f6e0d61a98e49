import type { Principal } from '../../src/permissions/index.ts';
import { atLeast, reaches } from '../../src/permissions/index.ts';
import type { Catalogue, Service } from '../../src/routing/index.ts';
import type { HostedServer } from '../backends/backend.ts';
import type { RouterParts } from './parts.ts';
import { permissionOf } from './resolve.ts';

/** The key of a list's `_meta` under which it says which servers' items it lacks. */
export const MISSING = 'village.mesh/missing';

/** A server that agents could count on and that is not there now. */
export interface MissingServer {
  readonly server: string;
  /** The last node that served it; absent: this one hosts it. */
  readonly node?: string | undefined;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly problem?: string | undefined;
}

interface Lost {
  readonly service: Service;
  readonly nodeId: string;
  readonly sinceMs: number;
  readonly problem: string | undefined;
}

const REMEMBER_MS = 3_600_000;
const MAX_REMEMBERED = 64;
/** A server that was never heard of is there for whom third-party servers are there by default. */
const UNKNOWN = { level: 'OPERATOR', auditRequired: false } as const;

/** What the lists lack: servers hosted here that are down, and servers of other nodes that were known and went. */
export class Missing {
  readonly #parts: Pick<RouterParts, 'hosting' | 'policy' | 'clock'>;
  readonly #lost = new Map<string, Lost>();
  readonly #left = new Map<string, string>();
  #catalogue: Catalogue;
  #version = 0;
  #seen = '';

  constructor(parts: Pick<RouterParts, 'hosting' | 'policy' | 'clock' | 'catalogue'>) {
    this.#parts = parts;
    this.#catalogue = parts.catalogue();
  }

  /** Rises whenever the answer may have become another. */
  get version(): number {
    return this.#version;
  }

  /** A node is not believed any more, for this reason; the catalogue that lacks it follows. */
  nodeDropped(nodeId: string, reason: string): void {
    if (this.#left.size >= MAX_REMEMBERED) this.#left.clear();
    this.#left.set(nodeId, reason);
  }

  /** The catalogue, or what is hosted, may have changed. */
  refresh(catalogue: Catalogue): void {
    if (catalogue !== this.#catalogue) this.#compare(catalogue);
    const seen = JSON.stringify([
      [...this.#lost.keys()],
      this.#down().map(({ alias }) => [alias, conditionOf(alias, this.#parts)]),
    ]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#version += 1;
  }

  /** All of them; for `principal`, those that it could use. */
  list(principal?: Principal | undefined): MissingServer[] {
    const policy = this.#parts.policy();
    const may = (alias: string, service: Pick<Service, 'kind' | 'access'> | undefined): boolean => {
      if (principal === undefined) return true;
      const permission = service === undefined ? UNKNOWN : permissionOf(policy, service, 'resources/read', '');
      if (permission === undefined || !atLeast(principal.level, permission.level)) return false;
      return reaches(principal.permissions, alias);
    };
    const own = this.#down().filter((server) => may(server.alias, accessOf(server)));
    const others = [...this.#lost.values()].filter(({ service }) => may(service.alias, service));
    return [
      ...own.map(({ alias }) => ({ server: alias, ...conditionOf(alias, this.#parts) })),
      ...others.map(({ service, nodeId, sinceMs, problem }) => ({
        server: service.label,
        node: nodeId,
        since: new Date(sinceMs).toISOString(),
        ...(problem === undefined ? {} : { problem }),
      })),
    ];
  }

  #down(): HostedServer[] {
    const listed = new Set(
      this.#catalogue.services.filter(({ replicas }) => replicas.some((one) => one.local)).map(({ alias }) => alias),
    );
    return this.#parts.hosting.servers().filter((server) => {
      return !listed.has(server.alias) && server.state().state !== 'disabled';
    });
  }

  #compare(catalogue: Catalogue): void {
    const nowMs = Date.now();
    for (const before of this.#catalogue.services) {
      const nodeId = before.replicas.find((replica) => !replica.local)?.nodeId;
      if (nodeId === undefined || catalogue.views.has(before.label)) continue;
      const reason = this.#left.get(nodeId);
      if (reason === 'withdrawn') continue; // it said goodbye: nobody counts on it
      const problem = reason === undefined ? 'its node offers it no longer' : 'its node cannot be reached';
      this.#lost.set(before.label, { service: before, nodeId, sinceMs: nowMs, problem });
      if (this.#lost.size > MAX_REMEMBERED) this.#lost.delete(this.#lost.keys().next().value as string);
    }
    this.#left.clear();
    for (const [label, lost] of this.#lost) {
      if (catalogue.views.has(label) || nowMs - lost.sinceMs > REMEMBER_MS) this.#lost.delete(label);
    }
    this.#catalogue = catalogue;
  }
}

function conditionOf(
  alias: string,
  { hosting }: Pick<RouterParts, 'hosting'>,
): Pick<MissingServer, 'since' | 'problem'> {
  const { state, since } = hosting.get(alias)?.state() ?? { state: 'down', since: 0 };
  return {
    since: new Date(since).toISOString(),
    // Why it is down may be the last thing that it printed: that is for the node's status, not for agents.
    // Up, and not listed yet: that comes a moment later.
    problem: state === 'down' ? 'it is down, and the status of this node says why' : 'it is starting',
  };
}

function accessOf(server: HostedServer): Pick<Service, 'kind' | 'access'> | undefined {
  const definition = server.definition();
  if (definition === undefined) return undefined;
  return { kind: server.kind === 'role' ? 'role' : 'third_party', access: definition.access };
}
