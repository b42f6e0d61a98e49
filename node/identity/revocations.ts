import { type Revocable, Revocation, revokes } from '../../src/constitution/index.ts';
import { sha256Hex, text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

/** Enough for every token of a busy node; more from one signer is refused, so that none can fill the disk of others. */
const MAX_PER_SIGNER = 10_000;

export interface RevocationEntry {
  readonly revocation: Revocation;
  /** The signed statement, to pass on. */
  readonly jws: string;
}

export interface RevocationsOptions {
  readonly store: Pick<Store, 'put' | 'batch' | 'entries'>;
  readonly nowMs: number;
}

/** The revocations this node honours, on disk and in memory. Takes what `checkRevocation` found valid. */
export class Revocations {
  readonly #store: RevocationsOptions['store'];
  /** Signer → SHA-256 of the statement → entry. */
  readonly #bySigner = new Map<string, Map<string, RevocationEntry>>();
  readonly #listeners = new Set<(revocation: Revocation) => void>();

  private constructor(store: RevocationsOptions['store']) {
    this.#store = store;
  }

  /** Reads what is on disk and forgets what has ended. */
  static async open({ store, nowMs }: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(store);
    for await (const [id, bytes] of store.entries()) {
      const entry = readEntry(bytes);
      if (entry !== undefined) revocations.#remember(id, entry);
    }
    await revocations.forgetEnded(nowMs);
    return revocations;
  }

  /** Pass this on as the `RevocationTest` of delegations. */
  readonly isRevoked = (subject: Revocable): boolean => {
    return this.#matches(subject.homeNode, subject) || this.#matches(subject.agentId, subject);
  };

  /** Honours a valid revocation; durable on return. `known`: it was here already. `full`: its signer has too many. */
  async add(entry: RevocationEntry): Promise<'added' | 'known' | 'full'> {
    const id = sha256Hex(entry.jws);
    const { by, iat } = entry.revocation;
    if (this.#bySigner.get(by)?.has(id) === true) return 'known';
    // It was checked: its signer's clock is at most 30 s ahead of ours, so what ended before that has ended.
    if (this.isFull(by)) await this.forgetEnded((iat - 30) * 1000);
    if (this.isFull(by)) return 'full';
    this.#remember(id, entry); // in force before the disk has it: taking back must not wait
    for (const listener of this.#listeners) listener(entry.revocation);
    await this.#store.put(id, utf8(JSON.stringify(entry)), { sync: true });
    return 'added';
  }

  /** Whether this very statement of `by` is honoured already. */
  has(jws: string, by: string): boolean {
    return this.#bySigner.get(by)?.has(sha256Hex(jws)) === true;
  }

  /** Whether nothing more of `by` is taken until some of it has ended. */
  isFull(by: string): boolean {
    return this.#countOf(by) >= MAX_PER_SIGNER;
  }

  /** Everything in force, to pass on to peers. */
  list(): readonly RevocationEntry[] {
    return [...this.#bySigner.values()].flatMap((entries) => [...entries.values()]);
  }

  /** When every token of this agent was last taken back by `by`, in seconds; undefined: never. */
  agentRevokedAt(agentId: string, by: string): number | undefined {
    const times = [...(this.#bySigner.get(by)?.values() ?? [])]
      .filter(({ revocation }) => revocation.kind === 'agent' && revocation.id === agentId)
      .map(({ revocation }) => revocation.iat);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  onRevoked(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async forgetEnded(nowMs: number): Promise<void> {
    const ended: string[] = [];
    for (const [signer, entries] of this.#bySigner) {
      for (const [id, { revocation }] of entries) {
        if (revocation.exp * 1000 > nowMs) continue;
        entries.delete(id);
        ended.push(id);
      }
      if (entries.size === 0) this.#bySigner.delete(signer);
    }
    if (ended.length > 0) await this.#store.batch(ended.map((key) => ({ type: 'del', key })));
  }

  #countOf(signer: string): number {
    return this.#bySigner.get(signer)?.size ?? 0;
  }

  #matches(signer: string, subject: Revocable): boolean {
    const entries = this.#bySigner.get(signer);
    if (entries === undefined) return false;
    for (const { revocation } of entries.values()) if (revokes(revocation, subject)) return true;
    return false;
  }

  #remember(id: string, entry: RevocationEntry): void {
    const entries = this.#bySigner.get(entry.revocation.by) ?? new Map<string, RevocationEntry>();
    entries.set(id, entry);
    this.#bySigner.set(entry.revocation.by, entries);
  }
}

function readEntry(bytes: Uint8Array): RevocationEntry | undefined {
  try {
    const { revocation, jws } = JSON.parse(text(bytes)) as Record<string, unknown>;
    const read = Revocation.safeParse(revocation);
    return read.success && typeof jws === 'string' ? { revocation: read.data, jws } : undefined;
  } catch {
    return undefined; // half of a write that was never acknowledged
  }
}
