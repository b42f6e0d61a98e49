import { askDefine, askDescribe, DIRECTORY, openDescriptor } from '../../protocols/directory/index.ts';
import { WireError } from '../../protocols/wire/index.ts';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import type { NodeDescriptor, Redefined, Refusal, Registry, ServerSummary } from '../../src/routing/index.ts';
import type { DirectoryParts } from './ports.ts';

/** How asking a node ended. `silent`: it could not be reached or did not answer in time. */
export type Pulled =
  | { readonly kind: 'known'; readonly changed: boolean; readonly redefined: readonly Redefined[] }
  | { readonly kind: 'withdrawn' | 'silent' | 'busy' | 'may-not-host' }
  | { readonly kind: 'refused'; readonly because: Refusal | 'not-signed' | 'malformed' };

type Parts = Pick<DirectoryParts, 'host' | 'village' | 'clock' | 'mayHost'> & {
  readonly registry: Registry;
  readonly askTimeoutMs: number;
  /** Aborts when discovery stops. */
  readonly signal: AbortSignal;
};

const MAX_AT_ONCE = 8;
const MAX_WAITING = 256;
/** Replies that one node's definitions may take: 4 MiB each. */
const MAX_ROUNDS = 3;
/** Definitions of nodes that went away, kept for their return. */
const MAX_SPARE = 64;

/** Asks nodes what they serve, few at once, and hands what is verified to the registry. */
export class Puller {
  readonly #parts: Parts;
  readonly #waiting: (() => void)[] = [];
  readonly #definitions = new Map<string, ServerDefinition>();
  #running = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Never rejects. The caller sees to it that a node is asked once at a time. */
  async pull(nodeId: string): Promise<Pulled> {
    if (this.#waiting.length >= MAX_WAITING) return { kind: 'busy' };
    if (this.#running >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await this.#ask(nodeId);
    } catch (error) {
      const lied = error instanceof WireError && (error.code === 'WIRE_MALFORMED' || error.code === 'WIRE_TOO_LARGE');
      return lied ? { kind: 'refused', because: 'malformed' } : { kind: 'silent' };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // it takes over this place
    }
  }

  async #ask(nodeId: string): Promise<Pulled> {
    const { host, village, registry, clock, mayHost } = this.#parts;
    const token = await this.#exchange(nodeId, askDescribe);
    const descriptor = openDescriptor(token, { node: nodeId, village });
    if (descriptor === undefined) return { kind: 'refused', because: 'not-signed' };
    const hosts = descriptor.servers.length > 0 || descriptor.away !== undefined;
    if (descriptor.withdrawn !== true && hosts && !mayHost(nodeId)) return { kind: 'may-not-host' };
    const definitions = await this.#definitionsOf(nodeId, descriptor);
    // A peer that went away while it was answering is no longer believed.
    if (!host.admitted().has(nodeId)) return { kind: 'silent' };
    const accepted = registry.accept(descriptor, definitions, { wallMs: clock.wallMs(), nowMs: clock.now() });
    this.#prune();
    if (accepted.kind === 'refused') return accepted;
    if (descriptor.withdrawn === true) return { kind: 'withdrawn' };
    return { kind: 'known', changed: accepted.changed, redefined: accepted.redefined };
  }

  async #definitionsOf(nodeId: string, descriptor: NodeDescriptor): Promise<ReadonlyMap<string, ServerDefinition>> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const missing = descriptor.servers.filter((server) => !this.#definitions.has(server.definitionHash));
      if (missing.length === 0) break;
      const got = await this.#exchange(nodeId, (stream, deadline) => askDefine(stream, missing, deadline));
      if (got.size === 0) break;
      for (const [hash, definition] of got) this.#definitions.set(hash, definition);
    }
    return this.#definitions;
  }

  async #exchange<T>(
    nodeId: string,
    act: (stream: Awaited<ReturnType<Parts['host']['openStream']>>, deadline: { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#parts.askTimeoutMs), this.#parts.signal]);
    const stream = await this.#parts.host.openStream(nodeId, DIRECTORY, { signal });
    return act(stream, { signal });
  }

  /** Keeps what some known node serves, and a few more. */
  #prune(): void {
    const served = new Set(this.#parts.registry.nodes().flatMap((node) => node.servers.map(hashOf)));
    const spare = [...this.#definitions.keys()].filter((hash) => !served.has(hash));
    for (const hash of spare.slice(0, Math.max(0, spare.length - MAX_SPARE))) this.#definitions.delete(hash);
  }
}

function hashOf(server: ServerSummary): string {
  return server.definitionHash;
}
