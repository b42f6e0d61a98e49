import { type CarriedReceipt, MAX_RECEIPT_DECISIONS, RECEIPT_TYP } from '../../protocols/governance/index.ts';
import type { Ledger, PolicyState } from '../../src/governance/index.ts';
import { policyOf } from './policy-of.ts';
import type { GovernanceClock, GovernanceVillage } from './ports.ts';
import type { ReceiptBook } from './receipt-book.ts';

/** Changes come in bursts, and one receipt tells of all of them. */
const GATHER_MS = 100;
/** In a large village not everybody speaks at once: so much longer for each node that is known, by chance. */
const SPREAD_MS = 20;
const MAX_SPREAD_MS = 10_000;

export interface EnforcementOptions {
  readonly ledger: Ledger;
  readonly village: GovernanceVillage;
  readonly nodeId: string;
  readonly receipts: ReceiptBook;
  readonly clock: GovernanceClock;
  /** A compact JWS by the key of this node's PeerId. */
  readonly sign: (typ: string, payload: Readonly<Record<string, unknown>>) => string;
  readonly tell: (receipt: CarriedReceipt) => Promise<void>;
  readonly applied: (state: PolicyState) => void;
  readonly failed: (error: unknown) => void;
}

/** Makes what was decided the policy of this node, and signs that it did. */
export class Enforcement {
  readonly #options: EnforcementOptions;
  #root = '';
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  /** Brings the policy to the state of the ledger. */
  apply(): void {
    const { ledger, village, applied } = this.#options;
    const state = ledger.policy();
    if (state.root === this.#root) return;
    this.#root = state.root;
    village.setPolicy(policyOf(ledger));
    applied(state);
    this.#receiptSoon();
  }

  /** Says that we have what we have, unless we have said it. For the first time after the host has started. */
  announce(): void {
    this.#receiptSoon();
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#writing;
  }

  #receiptSoon(): void {
    const { clock, receipts } = this.#options;
    const waitMs = GATHER_MS + clock.chance() * Math.min(MAX_SPREAD_MS, SPREAD_MS * receipts.list().length);
    this.#cancel ??= clock.after(waitMs, () => {
      this.#cancel = undefined;
      this.#writing = this.#writing.then(() => this.#receipt()).catch(this.#options.failed);
    });
  }

  async #receipt(): Promise<void> {
    const { ledger, village, nodeId, receipts, clock, sign, tell } = this.#options;
    const state = ledger.policy();
    const last = receipts.of(nodeId);
    if (last?.root === state.root) return;
    // After a return to an older copy of the disk the clock still lies beyond what was promised before.
    const seq = Math.max((last?.seq ?? -1) + 1, clock.wallMs());
    const payload = { village: village.villageId, node: nodeId, seq, iat: clock.wallMs(), root: state.root };
    const carried: CarriedReceipt = {
      receipt: sign(RECEIPT_TYP, { ...payload, decisions: inForce(state) }),
      chain: [...village.chain()],
    };
    // What it stands for was written before it, so that all of it is on disk before anybody hears of it.
    const taken = receipts.take(carried, { sync: true });
    if (taken.kind !== 'news') return;
    await taken.kept;
    await tell(carried);
  }
}

/** The decisions that a key stands at, each once. */
function inForce({ entries, overlay }: PolicyState): string[] {
  const ids = [...entries.values()].map(({ base }) => base).filter((base) => /^[0-9a-f]{64}$/.test(base));
  const entered = overlay.filter(({ inForce }) => inForce).map(({ id }) => id);
  return [...new Set([...ids, ...entered])].slice(-MAX_RECEIPT_DECISIONS);
}
