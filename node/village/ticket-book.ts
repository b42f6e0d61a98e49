import { z } from 'zod';
import type { Ticket } from '../../src/constitution/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

const Uses = z.strictObject({
  exp_ms: z.int(),
  /** PeerId → the credential it got, and for which issuer key. */
  redeemed: z.record(z.string(), z.strictObject({ issuer_key: z.string(), credential: z.string() })),
});
type Uses = z.infer<typeof Uses>;

export interface Redemption {
  readonly ticket: Ticket;
  readonly nodeId: string;
  readonly issuerKey: string;
}

/** Who redeemed which of our tickets. What it answers is on disk first. */
export class TicketBook {
  readonly #store: Store;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Counts a use, once for each PeerId, and answers the credential that goes with it: the one it got before where that
   * is still `good`, else what `sign` makes. undefined: the ticket is used up.
   */
  redeem(
    redemption: Redemption,
    options: { sign(): string; good(credential: string): boolean },
  ): Promise<string | undefined> {
    // One after the other: two that come at once must not both take the last use.
    const turn = this.#last.then(() => this.#redeem(redemption, options));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Forgets tickets that nobody can redeem any more. */
  async sweep(nowMs: number): Promise<void> {
    for await (const [jti, bytes] of this.#store.entries()) {
      const uses = read(bytes);
      if (uses.exp_ms < nowMs) await this.#store.del(jti);
    }
  }

  async #redeem(
    { ticket, nodeId, issuerKey }: Redemption,
    { sign, good }: { sign(): string; good(credential: string): boolean },
  ): Promise<string | undefined> {
    const stored = await this.#store.get(ticket.jti);
    const uses: Uses = stored === undefined ? { exp_ms: ticket.exp * 1000, redeemed: {} } : read(stored);
    const known = Object.hasOwn(uses.redeemed, nodeId) ? uses.redeemed[nodeId] : undefined;
    if (known !== undefined && known.issuer_key === issuerKey && good(known.credential)) return known.credential;
    if (known === undefined && Object.keys(uses.redeemed).length >= ticket.uses) return undefined;
    const credential = sign();
    const redeemed = { ...uses.redeemed, [nodeId]: { issuer_key: issuerKey, credential } };
    await this.#store.put(ticket.jti, utf8(JSON.stringify({ ...uses, redeemed })), { sync: true });
    return credential;
  }
}

// Our own record: if it cannot be read the disk lied, and refusing is right.
function read(bytes: Uint8Array): Uses {
  return Uses.parse(JSON.parse(text(bytes)));
}
