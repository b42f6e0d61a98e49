import { type AwayServer, type Catalogue, levelToSee } from '../../src/routing/index.ts';
import { fairShare } from './fair-share.ts';
import { type KnownServer, MAX_KNOWN } from './known-servers.ts';

/** How a server of another node came to be missing. */
const PROBLEMS = {
  told: 'its node says that it does not serve it now',
  dropped: 'its node cannot be reached',
  unoffered: 'its node offers it no longer',
  unheard: 'its node was not heard of since this node started',
} as const;

export interface LostServer extends Required<Pick<KnownServer, 'label' | 'alias' | 'nodeId' | 'level'>> {
  readonly sinceMs: number;
  /** When its node was lost, where that was later: the hour begins then. */
  readonly lostMs?: number | undefined;
  readonly how: keyof typeof PROBLEMS;
}

const REMEMBER_MS = 3_600_000;
/** As many as an earlier run can have known. */
const MAX_LOST = MAX_KNOWN;
const MAX_LEFT = 64;

export function problemOf({ how }: LostServer): string {
  return PROBLEMS[how];
}

/**
 * Servers of other nodes that agents could count on and that are not there: those that their nodes say are away, those that went
 * without a goodbye, and those that an earlier run knew and this one has not heard of yet. Bounded, with an equal share for each
 * node; the last two for an hour.
 */
export class LostServers {
  readonly #wallMs: () => number;
  readonly #left = new Map<string, string>();
  #lost: ReadonlyMap<string, LostServer>;
  #there: readonly KnownServer[];

  constructor(catalogue: Catalogue, options: { readonly kept: readonly KnownServer[]; readonly wallMs: () => number }) {
    this.#wallMs = options.wallMs;
    const nowMs = options.wallMs();
    const kept = options.kept.map(({ lostMs, ...server }) => {
      return { ...server, sinceMs: Math.min(lostMs ?? nowMs, nowMs), how: 'unheard' } as const;
    });
    this.#lost = new Map(fairShare(kept, MAX_LOST).map((one) => [one.label, one]));
    this.#there = thereIn(catalogue);
  }

  /** Those that are missed now. */
  list(): LostServer[] {
    return [...this.#lost.values()].filter((one) => this.#isMissed(one));
  }

  /** What a later run is to know: the servers that are missed, and those that are there; neither has more than half while the other wants it. */
  known(): KnownServer[] {
    const missed = this.list();
    const there = fairShare(this.#there, Math.max(MAX_KNOWN / 2, MAX_KNOWN - missed.length));
    const lost = fairShare(missed, MAX_KNOWN - there.length).map(({ how, sinceMs, lostMs = sinceMs, ...server }) =>
      how === 'told' ? server : { ...server, lostMs },
    );
    return [...there, ...lost];
  }

  /** A node is not believed any more, for this reason. Who said goodbye is missed by nobody. */
  nodeDropped(nodeId: string, reason: string): void {
    if (this.#left.size >= MAX_LEFT) this.#left.clear();
    this.#left.set(nodeId, reason);
    if (reason !== 'withdrawn') return;
    this.#lost = new Map([...this.#lost].filter(([, one]) => one.nodeId !== nodeId));
  }

  /** What can be called is another now. */
  compare(catalogue: Catalogue): void {
    const lost = this.#toldIn(catalogue);
    const remember = (one: LostServer): void => {
      if (!catalogue.views.has(one.label) && !lost.has(one.label)) lost.set(one.label, one);
    };
    const nowMs = this.#wallMs();
    for (const server of this.#there) {
      if (this.#left.get(server.nodeId) === 'withdrawn') continue;
      const how = catalogue.away.has(server.nodeId) ? 'unoffered' : 'dropped';
      remember({ ...server, sinceMs: nowMs, how });
    }
    for (const before of this.list()) {
      const now = stillLost(before, catalogue.away, { nowMs });
      if (now !== undefined) remember(now);
    }
    this.#left.clear();
    this.#lost = new Map(fairShare([...lost.values()], MAX_LOST).map((one) => [one.label, one]));
    this.#there = thereIn(catalogue);
  }

  #isMissed({ how, sinceMs, lostMs = sinceMs }: LostServer): boolean {
    return how === 'told' || this.#wallMs() - lostMs <= REMEMBER_MS;
  }

  #toldIn({ away, views }: Catalogue): Map<string, LostServer> {
    const labels = new Map(
      [...this.#lost.values(), ...this.#there].map((one) => [`${one.nodeId}/${one.alias}`, one.label]),
    );
    const told = new Map<string, LostServer>();
    for (const [nodeId, servers] of away) {
      for (const { alias, level, sinceMs } of servers) {
        const label = labels.get(`${nodeId}/${alias}`) ?? alias;
        if (views.has(label) || told.has(label)) continue;
        told.set(label, { label, alias, nodeId, level, sinceMs: Math.min(sinceMs, this.#wallMs()), how: 'told' });
      }
    }
    return told;
  }
}

/** What becomes of one that was lost, is not there and not told to be away. */
function stillLost(
  before: LostServer,
  away: ReadonlyMap<string, readonly AwayServer[]>,
  { nowMs }: { readonly nowMs: number },
): LostServer | undefined {
  const heard = away.has(before.nodeId);
  if (!heard && before.how === 'told') return { ...before, how: 'dropped', lostMs: nowMs };
  if (!heard) return before.how === 'unoffered' ? { ...before, how: 'dropped' } : before;
  // It was there in this run and its node came back without it; of what an earlier run knew its node is believed.
  return before.how === 'unheard' || before.how === 'told' ? undefined : { ...before, how: 'unoffered' };
}

function thereIn({ services }: Catalogue): KnownServer[] {
  return services.flatMap((service) => {
    const nodeId = service.replicas.find((replica) => !replica.local)?.nodeId;
    const { label, alias } = service;
    return nodeId === undefined ? [] : [{ label, alias, nodeId, level: levelToSee(service) }];
  });
}
