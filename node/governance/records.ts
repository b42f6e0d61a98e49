import type { Chronicle } from './chronicle.ts';
import type { PolicyFilter } from './desk.ts';
import { policyRows } from './policy-rows.ts';
import type { GovernanceClock, GovernanceVillage } from './ports.ts';
import { questionAbout } from './questions.ts';
import type { ReceiptBook } from './receipt-book.ts';
import { showProposal, showRatification } from './show.ts';
import { timelineOf } from './timeline.ts';
import type { PolicyRow, ProposalView, TimelineEntry } from './views.ts';
import type { VotedCalls } from './voted-calls.ts';

/** Part of an id that means one proposal. */
const MIN_PREFIX = 6;

export interface RecordSources {
  readonly chronicle: Chronicle;
  readonly receipts: ReceiptBook;
  readonly calls: Pick<VotedCalls, 'executionOf'>;
  readonly village: GovernanceVillage;
  readonly clock: GovernanceClock;
}

/** What this node knows of proposals, decisions and policy, in the words of the interface. */
export class Records {
  readonly #sources: RecordSources;

  constructor(sources: RecordSources) {
    this.#sources = sources;
  }

  proposals({ open }: { readonly open?: boolean | undefined } = {}): readonly ProposalView[] {
    const { ledger } = this.#sources.chronicle;
    const shown = ledger.proposals().map((known) => showProposal(known, this.#context()));
    const laid = ledger
      .policy()
      .overlay.filter(({ id, ended }) => ended !== 'void' && ledger.proposal(id) === undefined);
    const asked = laid.flatMap(({ id }) => this.proposal(id) ?? []);
    return [...shown, ...asked]
      .filter(({ status }) => open !== true || status === 'created' || status === 'voting_ongoing')
      .sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  }

  proposal(id: string): ProposalView | undefined {
    const { ledger } = this.#sources.chronicle;
    const known = ledger.proposal(id);
    if (known !== undefined) return showProposal(known, this.#context());
    const laid = ledger.policy().overlay.find((entry) => entry.id === id);
    const question = laid === undefined ? undefined : questionAbout(id, ledger);
    if (laid !== undefined && question !== undefined)
      return showRatification(laid, question, this.#sources.clock.wallMs());
    if (id.length < MIN_PREFIX) return undefined;
    const entries = ledger.policy().overlay.filter(({ ended }) => ended !== 'void');
    const ids = [...ledger.proposals(), ...entries].map((one) => one.id);
    const [only, another] = new Set(ids.filter((one) => one.startsWith(id)));
    return only === undefined || another !== undefined || only === id ? undefined : this.proposal(only);
  }

  timeline(id: string): readonly TimelineEntry[] {
    const { ledger } = this.#sources.chronicle;
    const known = ledger.proposal(id);
    const laid = ledger.policy().overlay.find((entry) => entry.id === id && entry.ended !== 'void');
    if (known === undefined && laid === undefined) return [];
    const all = [...this.#sources.chronicle.logs().values()].flat().flatMap((logged) => ledger.get(logged.id) ?? []);
    return timelineOf({ id, known, laid }, all);
  }

  policies(filter: PolicyFilter): readonly PolicyRow[] {
    const policy = this.#sources.village.policy();
    return policyRows(filter, { ledger: this.#sources.chronicle.ledger, policy, receipts: this.#sources.receipts });
  }

  certificate(id: string): Readonly<Record<string, unknown>> | undefined {
    return this.#sources.chronicle.ledger.certificate(id) as unknown as Readonly<Record<string, unknown>> | undefined;
  }

  #context() {
    const { clock, calls } = this.#sources;
    return { nowMs: clock.wallMs(), executionOf: (id: string) => calls.executionOf(id) };
  }
}
