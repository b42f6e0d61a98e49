import { text, utf8 } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';

const PREFIX = 'call/';
const SERVED = 'served/';
const FROM = 'calls-from';
const MAX_RESULT_BYTES = 64 * 1024;

/** How an approved call went. `running` that is found after a start was interrupted: `unknown`. */
export interface Execution {
  readonly status: 'running' | 'done' | 'failed' | 'unknown';
  readonly at: string;
  /** What the tool answered, or why it did not run. */
  readonly result?: unknown;
  readonly [more: string]: unknown;
}

/** Which approved calls were begun or served here: each at most once, however often this node starts. */
export class CallJournal {
  readonly #store: Store;
  readonly #entries = new Map<string, Execution>();
  readonly #nonces = new Set<unknown>();
  readonly #served = new Set<string>();
  #fromMs = 0;

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open(store: Store): Promise<CallJournal> {
    const journal = new CallJournal(store);
    for await (const [key, bytes] of store.entries({ gte: PREFIX, lt: `${PREFIX}~` })) {
      const entry = JSON.parse(text(bytes)) as Execution;
      const id = key.slice(PREFIX.length);
      journal.#nonces.add(entry['nonce']);
      journal.#entries.set(id, entry.status === 'running' ? { ...entry, status: 'unknown' } : entry);
    }
    for await (const [key] of store.entries({ gte: SERVED, lt: `${SERVED}~` }))
      journal.#served.add(key.slice(SERVED.length));
    journal.#fromMs = Number(text((await store.get(FROM)) ?? utf8('0')));
    return journal;
  }

  /** What was proposed before, milliseconds since 1970, may have run here without this journal's knowing. */
  get fromMs(): number {
    return this.#fromMs;
  }

  /** The journal is an older copy: durable on return. */
  async distrustBefore(nowMs: number): Promise<void> {
    this.#fromMs = nowMs;
    await this.#store.put(FROM, utf8(String(nowMs)), { sync: true });
  }

  /** It may have run: it does not run now. Durable on return. */
  async skip(proposalId: string, at: string): Promise<void> {
    if (!this.#entries.has(proposalId)) await this.#put(proposalId, { status: 'unknown', at });
  }

  get(proposalId: string): Execution | undefined {
    return this.#entries.get(proposalId);
  }

  /** `name`: a proposal, or the nonce of a call. */
  isBegun(name: string): boolean {
    return this.#entries.has(name) || this.#nonces.has(name);
  }

  /** Begun from here on, also after a crash; durable on return. False: it was begun before, maybe under another proposal. */
  async begin(proposalId: string, { at, nonce }: { readonly at: string; readonly nonce: string }): Promise<boolean> {
    if (this.isBegun(proposalId) || this.isBegun(nonce)) return false;
    this.#nonces.add(nonce);
    await this.#put(proposalId, { status: 'running', at, nonce });
    return true;
  }

  /** Whether an approved call of another node may still be served here. */
  isServed(proposalId: string): boolean {
    return this.#served.has(proposalId);
  }

  /** Served from here on, also after a crash; durable on return. */
  async serve(proposalId: string): Promise<void> {
    this.#served.add(proposalId); // before any wait: of two at once one is too many
    await this.#store.put(`${SERVED}${proposalId}`, new Uint8Array(), { sync: true });
  }

  /** Durable on return. */
  async end(proposalId: string, execution: Execution): Promise<void> {
    const fits = JSON.stringify(execution.result ?? null).length <= MAX_RESULT_BYTES;
    await this.#put(proposalId, fits ? execution : { ...execution, result: 'too large to keep' });
  }

  async #put(proposalId: string, execution: Execution): Promise<void> {
    this.#entries.set(proposalId, execution); // before any wait: two looks at once must not both begin
    await this.#store.put(`${PREFIX}${proposalId}`, utf8(JSON.stringify(execution)), { sync: true });
  }
}
