import { type CarriedReceipt, openReceipt, type Receipt } from '../../protocols/governance/index.ts';
import type { MembershipRefusal, MembershipVerdict } from '../../src/constitution/index.ts';
import { sha256Hex, text, utf8 } from '../../src/kernel/index.ts';
import { type RateLimit, RateLimiter } from '../../src/routing/index.ts';
import type { Store } from '../storage/index.ts';

const MAX_NODES = 4_096;
const PREFIX = 'receipt/';
/** New receipts of one node that are kept and told on; one says all that those before it said, so that a later one makes up for it. */
const NEWS: RateLimit = { perMinute: 60, burst: 120 };
const PASSING: ReadonlySet<MembershipRefusal> = new Set(['expired', 'evicted', 'held', 'not-yet-valid']);

interface Kept extends CarriedReceipt {
  readonly nodeId: string;
  readonly content: Receipt;
  readonly decisions: ReadonlySet<string>;
}

export interface ReceiptBookOptions {
  readonly store: Store;
  readonly villageId: string;
  readonly verify: (chain: readonly string[], nodeId: string) => MembershipVerdict;
  /** Milliseconds of a clock that never steps. */
  readonly now: () => number;
}

/** The newest receipt of each node: who has put which decisions in force. */
export class ReceiptBook {
  readonly #options: ReceiptBookOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #rates = new RateLimiter({ maxKeys: MAX_NODES });
  #sorted: readonly Kept[] | undefined;
  #digest: string | undefined;

  private constructor(options: ReceiptBookOptions) {
    this.#options = options;
  }

  static async open(options: ReceiptBookOptions): Promise<ReceiptBook> {
    const book = new ReceiptBook(options);
    for await (const [, bytes] of options.store.entries({ gte: PREFIX, lt: `${PREFIX}~` })) {
      const carried = readCarried(bytes);
      if (carried !== undefined) book.#remember(carried);
    }
    return book;
  }

  /** Whether it is news, was known, older or one too many, or is to be believed by nobody. The promise: when it is on disk. */
  take(
    carried: CarriedReceipt,
    { sync = false }: { readonly sync?: boolean } = {},
  ): { readonly kind: 'news'; readonly kept: Promise<void> } | { readonly kind: 'known' | 'bad' } {
    const receipt = openReceipt(carried.receipt, this.#options.villageId);
    if (receipt === undefined) return { kind: 'bad' };
    if ((this.#kept.get(receipt.node)?.content.seq ?? -1) >= receipt.seq) return { kind: 'known' };
    const standing = this.#options.verify(carried.chain, receipt.node);
    // What its node was when it signed may be over by now: that is nobody's lie.
    if (standing.kind === 'refused') return { kind: PASSING.has(standing.because) ? 'known' : 'bad' };
    if (!this.#kept.has(receipt.node) && this.#kept.size >= MAX_NODES) return { kind: 'known' };
    if (!sync && this.#rates.take(receipt.node, NEWS, this.#options.now()) > 0) return { kind: 'known' };
    this.#remember(carried);
    const kept = this.#options.store.put(`${PREFIX}${receipt.node}`, utf8(JSON.stringify(carried)), { sync });
    return { kind: 'news', kept };
  }

  of(nodeId: string): Receipt | undefined {
    return this.#kept.get(nodeId)?.content;
  }

  /** The nodes that say they have put a decision in force, sorted. */
  appliedBy(decisionId: string): string[] {
    return this.list()
      .filter(({ decisions }) => decisions.has(decisionId))
      .map(({ nodeId }) => nodeId);
  }

  /** In the order of node ids. */
  list(): readonly Kept[] {
    this.#sorted ??= [...this.#kept.values()].sort((one, other) => (one.nodeId < other.nodeId ? -1 : 1));
    return this.#sorted;
  }

  digest(): string {
    this.#digest ??= sha256Hex(
      this.list()
        .map(({ receipt }) => `${sha256Hex(receipt)}\n`)
        .join(''),
    ).slice(0, 32);
    return this.#digest;
  }

  #remember(carried: CarriedReceipt): void {
    const content = openReceipt(carried.receipt, this.#options.villageId);
    if (content === undefined) return;
    const nodeId = content.node;
    this.#kept.set(nodeId, { ...carried, nodeId, content, decisions: new Set(content.decisions) });
    this.#sorted = undefined;
    this.#digest = undefined;
  }
}

/** undefined: bytes that this program did not write. */
function readCarried(bytes: Uint8Array): CarriedReceipt | undefined {
  try {
    return JSON.parse(text(bytes)) as CarriedReceipt;
  } catch {
    return undefined;
  }
}
