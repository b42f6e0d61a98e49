import { sha256Hex, text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

const MAX_GRANTS = 20_000;
const MAX_SPENT = 100_000;

interface Kept {
  readonly grant: string;
  readonly endsAtMs: number;
}

interface Term {
  readonly endsAtMs: number;
  readonly nowMs: number;
}

export interface GrantShelfOptions {
  readonly store: Pick<Store, 'put' | 'batch' | 'entries'>;
  readonly nowMs: number;
}

/**
 * What agents with keys of their own have handed in at the token endpoint: which assertions are spent, so that none works
 * twice (also after a crash), and those that let this node speak for the agent.
 */
export class GrantShelf {
  readonly #store: GrantShelfOptions['store'];
  /** Token id → grant. */
  readonly #grants = new Map<string, Kept>();
  /** SHA-256 of agent and jti → when it would end anyway. */
  readonly #spent = new Map<string, number>();

  private constructor(store: GrantShelfOptions['store']) {
    this.#store = store;
  }

  /** Reads what is on disk and forgets what has ended. */
  static async open({ store, nowMs }: GrantShelfOptions): Promise<GrantShelf> {
    const shelf = new GrantShelf(store);
    for await (const [key, bytes] of store.entries()) shelf.#read(key, bytes);
    await shelf.forgetEnded(nowMs);
    return shelf;
  }

  /** The grant that came with a token; undefined: none, or over. */
  get(tokenId: string, nowMs: number): string | undefined {
    const kept = this.#grants.get(tokenId);
    return kept !== undefined && kept.endsAtMs > nowMs ? kept.grant : undefined;
  }

  /** Durable on return. `full`: ask again later. */
  async keep(tokenId: string, grant: string, { endsAtMs, nowMs }: Term): Promise<'kept' | 'full'> {
    if (this.#grants.size >= MAX_GRANTS) await this.forgetEnded(nowMs);
    if (this.#grants.size >= MAX_GRANTS) return 'full';
    this.#grants.set(tokenId, { grant, endsAtMs });
    await this.#store.put(`grant/${tokenId}`, utf8(JSON.stringify({ grant, endsAtMs })), { sync: true });
    return 'kept';
  }

  /** Marks an assertion as used; durable on return. `spent`: it was used before. */
  async spend(agent: string, jti: string, { endsAtMs, nowMs }: Term): Promise<'new' | 'spent' | 'full'> {
    const id = sha256Hex(`${agent} ${jti}`);
    if (this.#spent.has(id)) return 'spent';
    if (this.#spent.size >= MAX_SPENT) {
      await this.forgetEnded(nowMs);
      return this.#spent.size >= MAX_SPENT ? 'full' : this.spend(agent, jti, { endsAtMs, nowMs });
    }
    this.#spent.set(id, endsAtMs); // before any wait: two requests at once must not both pass
    await this.#store.put(`spent/${id}`, utf8(JSON.stringify({ endsAtMs })), { sync: true });
    return 'new';
  }

  async forgetEnded(nowMs: number): Promise<void> {
    const ended: string[] = [];
    for (const [tokenId, { endsAtMs }] of this.#grants) if (endsAtMs <= nowMs) ended.push(`grant/${tokenId}`);
    for (const [id, endsAtMs] of this.#spent) if (endsAtMs <= nowMs) ended.push(`spent/${id}`);
    for (const key of ended) {
      this.#grants.delete(key.slice('grant/'.length));
      this.#spent.delete(key.slice('spent/'.length));
    }
    if (ended.length > 0) await this.#store.batch(ended.map((key) => ({ type: 'del', key })));
  }

  #read(key: string, bytes: Uint8Array): void {
    const [kind, id = ''] = key.split('/', 2);
    try {
      const { grant, endsAtMs } = JSON.parse(text(bytes)) as Record<string, unknown>;
      if (typeof endsAtMs !== 'number') return;
      if (kind === 'spent') this.#spent.set(id, endsAtMs);
      if (kind === 'grant' && typeof grant === 'string') this.#grants.set(id, { grant, endsAtMs });
    } catch {
      return; // not one of ours
    }
  }
}
