import type { Ledger, Question } from '../../src/governance/index.ts';
import type { GovernanceClock } from './ports.ts';

const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;
/** In one look. */
const MAX_AT_ONCE = 32;

export interface RetellingOptions {
  readonly ledger: Ledger;
  readonly clock: Pick<GovernanceClock, 'now'>;
  /** The voters whose keys are here. */
  readonly voters: () => readonly string[];
  /** Never rejects. */
  readonly tell: (token: string) => Promise<void>;
}

interface Due {
  readonly atMs: number;
  readonly everyMs: number;
}

/**
 * Says again what the voters here signed on questions that are still open, less and less often, until they are decided: gossip that was
 * lost on its way is not lost to those who pull from somebody who lacks it as well.
 */
export class Retelling {
  readonly #options: RetellingOptions;
  readonly #due = new Map<string, Due>();

  constructor(options: RetellingOptions) {
    this.#options = options;
  }

  /** Time has passed. */
  tick(): void {
    const { ledger, clock, tell } = this.#options;
    const open = new Set(ledger.questions().flatMap((question) => this.#own(question)));
    for (const id of this.#due.keys()) if (!open.has(id)) this.#due.delete(id);
    let told = 0;
    for (const id of open) {
      const due = this.#due.get(id) ?? { atMs: clock.now() + FIRST_MS, everyMs: FIRST_MS };
      if (!this.#due.has(id)) this.#due.set(id, due);
      const token = ledger.get(id)?.token;
      if (token === undefined || due.atMs > clock.now() || told >= MAX_AT_ONCE) continue;
      const everyMs = Math.min(LONGEST_MS, 2 * due.everyMs);
      this.#due.set(id, { atMs: clock.now() + everyMs, everyMs });
      told += 1;
      void tell(token); // never rejects
    }
  }

  /** What voters here signed about it, by id: what is asked, their last votes, their commits. */
  #own({ about, name, votes }: Question): string[] {
    const { ledger, voters } = this.#options;
    const { kids } = ledger.epoch().rules;
    const commits = ledger.registers().commitsOn(name);
    const asked = ledger.get(about.proposal);
    return voters().flatMap((voter) => {
      const kid = kids.get(voter) ?? '';
      const said = [votes[voter], ...(commits.get(kid) ?? []), asked?.kid === kid ? asked : undefined];
      return said.flatMap((statement) => statement?.id ?? []);
    });
  }
}
