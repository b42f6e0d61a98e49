import type { Logged } from '../../protocols/governance/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import { type Effect, Ledger, type Statement } from '../../src/governance/index.ts';
import type { Constitution } from '../../src/constitution/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import { Parked, type Taken } from '../spread/index.ts';
import { StatementStore } from './statement-store.ts';

export interface ChronicleOptions {
  readonly constitution: Constitution;
  readonly store: Store;
  readonly reporter: Reporter;
  readonly wallMs: () => number;
}

/** What one statement changed. */
export interface Entry {
  readonly statement: Statement;
  readonly effects: readonly Effect[];
  /** Signed here, just now. */
  readonly own: boolean;
}

/** Every statement this node knows: what it means in memory, what it says on disk. */
export class Chronicle {
  readonly ledger: Ledger;
  readonly #options: ChronicleOptions;
  readonly #store: StatementStore;
  readonly #parked = new Parked<string>({
    idOf: sha256Hex,
    bytesOf: (token) => token.length,
    maxItems: 512,
    maxBytes: 4 * 1024 * 1024,
  });
  readonly #saving = new Set<Promise<void>>();
  readonly #listeners = new Set<(entry: Entry) => void>();
  readonly #logs = new Map<string, Logged[]>();

  private constructor(options: ChronicleOptions) {
    this.#options = options;
    this.#store = new StatementStore(options.store);
    this.ledger = new Ledger(options.constitution);
  }

  /** Reads what is on disk. What does not fit the state yet (its epoch comes later) is offered again until nothing more fits. */
  static async open(options: ChronicleOptions): Promise<Chronicle> {
    const chronicle = new Chronicle(options);
    const damaged = (key: string) => options.reporter.report('governance.damaged', { key });
    let waiting: { readonly id: string; readonly token: string }[] = [];
    for await (const kept of chronicle.#store.load(damaged)) waiting.push(kept);
    for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
      before = waiting.length;
      waiting = waiting.filter(({ id, token }) => {
        const result = chronicle.ledger.ingest(token, { checkedId: id });
        if (result.kind === 'accepted') chronicle.#file(result.statement);
        return result.kind === 'parked';
      });
    }
    return chronicle;
  }

  /** Hears of each new statement, once it is in the ledger. */
  onEntry(listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Each key's log, in the order of numbers and ids. */
  logs(): ReadonlyMap<string, readonly Logged[]> {
    return this.#logs;
  }

  /** Takes in a statement that somebody brought. In force when this returns, on disk when `kept` resolves. */
  take(token: string, from: string): Taken {
    const result = this.ledger.ingest(token, { nowMs: this.#options.wallMs() });
    switch (result.kind) {
      case 'accepted': {
        const kept = this.#keep(result.statement);
        this.#file(result.statement);
        this.#tell({ statement: result.statement, effects: result.effects, own: false });
        if (result.effects.some(({ kind }) => kind === 'epoch')) this.reconsider();
        return { kind: 'news', kept };
      }
      case 'known':
        return { kind: 'known' };
      case 'parked': {
        const isNew = this.#parked.add(token, { from, nowMs: this.#options.wallMs() });
        return { kind: isNew && result.because.startsWith('unknown-') ? 'waits' : 'known' };
      }
      case 'refused':
        this.#options.reporter.report('governance.refused', { reason: result.because });
        return { kind: 'bad' };
    }
  }

  /** Puts our own on disk, fsynced, before anybody can see it, the ledger included. Rejects when the disk does. */
  async append(statement: Pick<Statement, 'id' | 'kid' | 'token' | 'payload'>): Promise<Entry> {
    await this.#store.put(statement, { sync: true });
    const result = this.ledger.ingest(statement.token);
    if (result.kind !== 'accepted') throw new TypeError(`our own statement is ${result.kind}`);
    this.#file(result.statement);
    const entry = { statement: result.statement, effects: result.effects, own: true };
    this.#tell(entry);
    if (result.effects.some(({ kind }) => kind === 'epoch')) this.reconsider();
    return entry;
  }

  /** Offers again what was put aside. */
  reconsider(): void {
    for (const { item: token, from } of this.#parked.list()) {
      this.#parked.remove(token);
      this.take(token, from);
    }
  }

  forgetOld(nowMs: number): void {
    this.#parked.forgetOld(nowMs);
  }

  /** Resolves when everything taken in so far is on disk. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#saving);
  }

  #keep(statement: Statement): Promise<void> {
    const { reporter } = this.#options;
    const saved: Promise<void> = this.#store
      .put(statement)
      .catch((error: unknown) => reporter.report('background.failed', { area: 'governance', error }))
      .finally(() => this.#saving.delete(saved));
    this.#saving.add(saved);
    return saved;
  }

  #file({ id, kid, token, payload: { seq } }: Statement): void {
    const log = this.#logs.get(kid) ?? [];
    if (log.length === 0) this.#logs.set(kid, log);
    let at = log.length;
    while (at > 0 && isAfter(log[at - 1] as Logged, { seq, id })) at -= 1;
    log.splice(at, 0, { seq, id, jws: token });
  }

  #tell(entry: Entry): void {
    for (const listener of [...this.#listeners]) listener(entry);
  }
}

function isAfter(one: Pick<Logged, 'seq' | 'id'>, other: Pick<Logged, 'seq' | 'id'>): boolean {
  return one.seq === other.seq ? one.id > other.id : one.seq > other.seq;
}
