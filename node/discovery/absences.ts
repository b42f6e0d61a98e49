import { MAX_AWAY } from '../../protocols/directory/index.ts';
import { type AwayServer, isRole, levelToSee } from '../../src/routing/index.ts';
import { accessOf } from '../backends/access-of.ts';
import type { HostedServer } from '../backends/backend.ts';

/** What this node is to share and does not serve, each since it was first found so: one that fails again and again keeps its time. */
export class Absences {
  readonly #since = new Map<string, number>();

  /** Those of `servers` that are not among `present`, in their order, as many as can be told. */
  read(servers: readonly HostedServer[], present: ReadonlySet<string>): AwayServer[] {
    const absent = servers.filter(({ alias, kind, share }) => {
      return share === 'mesh' && !present.has(alias) && (kind !== 'role' || isRole(alias));
    });
    const awaited = absent.filter((server) => server.state().state !== 'disabled').slice(0, MAX_AWAY);
    const aliases = new Set(awaited.map(({ alias }) => alias));
    for (const alias of this.#since.keys()) if (!aliases.has(alias)) this.#since.delete(alias);
    return awaited.map((server) => {
      const { alias } = server;
      const sinceMs = this.#since.get(alias) ?? server.state().since;
      this.#since.set(alias, sinceMs);
      const known = accessOf(server);
      return { alias, kind: known.kind, level: levelToSee(known), sinceMs };
    });
  }
}
