import { nameOfPart } from '../pins/index.ts';
import type { EventBus } from '../telemetry/index.ts';

/** What happened again and again of late. */
export interface Recurring {
  readonly of: string;
  readonly why: string;
  readonly count: number;
  /** Unix milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

interface Lasting {
  readonly sinceMs: number;
  readonly problem: string;
}

const FORGOTTEN_MS = 10 * 60_000;
const MAX_KEPT = 64;

/** Remembers, from the events of a node, what its parts do not: since when something lasts, and what happened of late. Bounded. */
export class RecentTroubles {
  readonly #now: () => number;
  readonly #since = new Map<string, Lasting>();
  /** Of what peers offer and whom they bring: as much as they like, so that it has its own bound, and the newest is kept. */
  readonly #brought = new Map<string, Lasting>();
  readonly #denied = new Recurrences();
  readonly #refused = new Recurrences();
  readonly #tokens = new Recurrences();
  readonly #ignored = new Recurrences();
  readonly #failures = new Recurrences();

  constructor(bus: EventBus, now: () => number = Date.now) {
    this.#now = now;
    bus.on('server.state', ({ server, state, problem = '' }) => {
      if (state === 'healthy' || state === 'disabled') this.#over(`server ${server}`);
      else if (state === 'down' || state === 'degraded') this.#began(`server ${server}`, problem);
    });
    bus.on('directory.unlisted', ({ server }) => this.#began(`unlisted ${server}`));
    bus.on('server.definition', ({ server }) => this.#over(`unlisted ${server}`));
    bus.on('tool.changed', ({ peer, ...part }) => this.#brings(`${part.kind} ${peer}/${nameOfPart(part)}`));
    bus.on('tool.approved', ({ peer, ...part }) => this.#over(`${part.kind} ${peer}/${nameOfPart(part)}`));
    bus.on('overload.changed', ({ levels }) =>
      levels === 0 ? this.#over('overload') : this.#began('overload', String(levels)),
    );
    bus.on('threat.quarantined', ({ agent, peer }) => {
      this.#over(`agent ${peer}/${agent}`);
      this.#brings(`agent ${peer}/${agent}`);
    });
    bus.on('config.invalid', ({ problem }) => this.#began('config', problem));
    bus.on('config.reloaded', () => this.#over('config'));
    bus.on('gateway.certificate-refused', ({ problem }) => this.#began('certificate', problem));
    bus.on('gateway.certificate', () => this.#over('certificate'));
    bus.on('audit.flushed', () => this.#over('audit'));
    bus.on('peer.denied', ({ peer, reason, because = reason }) => this.#denied.add(peer, because, now()));
    bus.on('peer.refused', ({ peer, reason }) => this.#refused.add(peer, reason, now()));
    bus.on('peer.admitted', ({ peer }) => this.#refused.forget(peer));
    bus.on('revocation.full', ({ by }) => this.#ignored.add(by, '', now()));
    bus.on('call.refused', ({ stage, reason }) => {
      if (stage === 'authenticate' || stage === 'token') this.#tokens.add(stage, reason, now());
    });
    bus.on('background.failed', ({ area }) => {
      if (area === 'audit') this.#began('audit');
      else this.#failures.add(area, '', now());
    });
  }

  /** Since when; `of` as `server NAME`, `unlisted NAME`, `tool NODE/SERVER__TOOL`, `agent PEER/NAME`, `overload`, `config`, `certificate`, `audit`. */
  lasting(of: string): Lasting | undefined {
    return this.#since.get(of) ?? this.#brought.get(of);
  }

  /** Of peers whose calls were refused for what they showed. */
  denied(): readonly Recurring[] {
    return this.#denied.list(this.#now());
  }

  /** Of peers that were not let in. */
  refused(): readonly Recurring[] {
    return this.#refused.list(this.#now());
  }

  /** Of requests without a token that is good. `of`: the stage. */
  badTokens(): readonly Recurring[] {
    return this.#tokens.list(this.#now());
  }

  /** Of signers whose revocations are not honoured. */
  ignored(): readonly Recurring[] {
    return this.#ignored.list(this.#now());
  }

  /** Of work that failed with nobody waiting. `of`: its area. */
  failures(): readonly Recurring[] {
    return this.#failures.list(this.#now());
  }

  /** The first beginning counts, the last problem is kept. */
  #began(of: string, problem = ''): void {
    const known = this.#since.get(of);
    if (known === undefined && this.#since.size >= MAX_KEPT) return;
    this.#since.set(of, { sinceMs: known?.sinceMs ?? this.#now(), problem });
  }

  #brings(of: string): void {
    if (this.#brought.has(of)) return;
    if (this.#brought.size >= MAX_KEPT) this.#brought.delete(this.#brought.keys().next().value as string);
    this.#brought.set(of, { sinceMs: this.#now(), problem: '' });
  }

  #over(of: string): void {
    this.#since.delete(of);
    this.#brought.delete(of);
  }
}

/** Counts by who and why. What has been quiet for ten minutes is over. */
class Recurrences {
  readonly #kept = new Map<string, Recurring>();

  add(of: string, why: string, nowMs: number): void {
    const key = `${of}\n${why}`;
    const known = this.#kept.get(key);
    const goesOn = known !== undefined && nowMs - known.lastMs < FORGOTTEN_MS;
    // What was heard of last stands last, so that the first is the one to give up.
    this.#kept.delete(key);
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    const { count, firstMs } = goesOn ? known : { count: 0, firstMs: nowMs };
    this.#kept.set(key, { of, why, count: count + 1, firstMs, lastMs: nowMs });
  }

  forget(of: string): void {
    for (const [key, one] of this.#kept) if (one.of === of) this.#kept.delete(key);
  }

  list(nowMs: number): readonly Recurring[] {
    return [...this.#kept.values()].filter(({ lastMs }) => nowMs - lastMs < FORGOTTEN_MS);
  }
}
