import { z } from 'zod';
import type { Membership, MembershipVerdict } from '../../src/constitution/index.ts';
import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

const Chain = z.array(z.string().max(4_096)).max(8);

export interface SignerChainsOptions {
  readonly store: Pick<Store, 'put' | 'batch' | 'entries'>;
  readonly verify: (chain: readonly string[], nodeId: string) => MembershipVerdict;
}

/**
 * The memberships of nodes whose statements are kept here. A statement goes on to nodes that never met its signer, and only these
 * credentials prove it there.
 */
export class SignerChains {
  readonly #store: SignerChainsOptions['store'];
  readonly #members = new Map<string, Membership>();

  private constructor(store: SignerChainsOptions['store']) {
    this.#store = store;
  }

  static async open({ store, verify }: SignerChainsOptions): Promise<SignerChains> {
    const chains = new SignerChains(store);
    const useless: string[] = [];
    for await (const [nodeId, bytes] of store.entries()) {
      const verdict = verify(readChain(bytes), nodeId);
      if (verdict.kind === 'member') chains.#members.set(nodeId, verdict.membership);
      else useless.push(nodeId);
    }
    if (useless.length > 0) await store.batch(useless.map((key) => ({ type: 'del', key })));
    return chains;
  }

  get(nodeId: string): Membership | undefined {
    return this.#members.get(nodeId);
  }

  /** Keeps whichever lasts longer, this one or the one known; durable on return. */
  async learn(member: Membership): Promise<void> {
    const known = this.#members.get(member.nodeId);
    if (known !== undefined && known.expiresAtMs >= member.expiresAtMs) return;
    this.#members.set(member.nodeId, member);
    await this.#store.put(member.nodeId, utf8(JSON.stringify(member.chain)), { sync: true });
  }

  /** Forgets the nodes of which `keep` is false. */
  async prune(keep: (nodeId: string) => boolean): Promise<void> {
    const gone = [...this.#members.keys()].filter((nodeId) => !keep(nodeId));
    for (const nodeId of gone) this.#members.delete(nodeId);
    if (gone.length > 0) await this.#store.batch(gone.map((key) => ({ type: 'del', key })));
  }
}

/** No chain where the bytes are none: it proves nothing. */
function readChain(bytes: Uint8Array): readonly string[] {
  try {
    return Chain.parse(JSON.parse(text(bytes)));
  } catch {
    return [];
  }
}
