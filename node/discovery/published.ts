import { MAX_SERVERS, MAX_TOOLS, REPLY_ROOM_BYTES, DIRECTORY } from '../../protocols/directory/index.ts';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { type AwayServer, type DefinitionHashes, hashDefinition, isRole } from '../../src/routing/index.ts';
import type { HostedServer, Hosting } from '../backends/backend.ts';
import { Absences } from './absences.ts';

/** A server of this node that can be listed, with the hashes of what it offers. */
export interface Listed {
  readonly alias: string;
  readonly kind: 'role' | 'third_party';
  readonly share: 'mesh' | 'local';
  readonly draining: boolean;
  readonly definition: ServerDefinition;
  readonly hashes: DefinitionHashes;
}

/** A server that restarts keeps its place for so long: lists that flicker cost every agent a reload. */
const DOWN_GRACE_MS = 10_000;
const MAX_DEFINITION_BYTES = DIRECTORY.maxMessageBytes - REPLY_ROOM_BYTES;

/** Reads what the hosted servers offer; remembers hashes, since most servers did not change when one did. */
export class Listing {
  readonly #hashes = new WeakMap<ServerDefinition, DefinitionHashes>();
  readonly #downSince = new Map<string, number>();
  readonly #absences = new Absences();

  /** The servers that can be listed now, what those offer that offer more than can be told, and what is to be shared and is not there. */
  read(
    hosting: Pick<Hosting, 'servers' | 'isDraining'>,
    nowMs: number,
  ): { readonly listed: Listed[]; readonly unfit: ReadonlyMap<string, ServerDefinition>; readonly away: AwayServer[] } {
    const listed: Listed[] = [];
    const unfit = new Map<string, ServerDefinition>();
    const servers = hosting.servers();
    for (const server of servers) {
      const definition = server.definition();
      if (definition === undefined || !this.#serves(server, nowMs)) continue;
      const hashes = this.#hashesOf(definition);
      const kind = server.kind === 'role' ? 'role' : 'third_party';
      const fits = hashes !== undefined && hashes.bytes <= MAX_DEFINITION_BYTES && definition.tools.length <= MAX_TOOLS;
      if (!fits || (kind === 'role' && !isRole(server.alias)) || listed.length >= MAX_SERVERS)
        unfit.set(server.alias, definition);
      else
        listed.push({
          alias: server.alias,
          kind,
          share: server.share,
          draining: hosting.isDraining?.(server.alias) === true,
          definition,
          hashes,
        });
    }
    const present = new Set([...listed.map(({ alias }) => alias), ...unfit.keys()]);
    return { listed, unfit, away: this.#absences.read(servers, present) };
  }

  /** Milliseconds until a server that is down loses its place; undefined: none is. */
  graceLeft(nowMs: number): number | undefined {
    const left = [...this.#downSince.values()].map((since) => since + DOWN_GRACE_MS - nowMs).filter((ms) => ms > 0);
    return left.length === 0 ? undefined : Math.min(...left);
  }

  #serves(server: HostedServer, nowMs: number): boolean {
    const { state } = server.state();
    const past = nowMs - (this.#downSince.get(server.alias) ?? nowMs) >= DOWN_GRACE_MS;
    // One that lost its place has it again when it answers, not with each try.
    if (state === 'starting' && past) return false;
    if (state !== 'down') {
      this.#downSince.delete(server.alias);
      return state !== 'disabled';
    }
    const since = this.#downSince.get(server.alias) ?? nowMs;
    this.#downSince.set(server.alias, since);
    return nowMs - since < DOWN_GRACE_MS;
  }

  #hashesOf(definition: ServerDefinition): DefinitionHashes | undefined {
    const known = this.#hashes.get(definition) ?? hashDefinition(definition);
    if (known !== undefined) this.#hashes.set(definition, known);
    return known;
  }
}
