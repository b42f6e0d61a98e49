import { answerAudit, type Answer, askWitness, AUDIT } from '../../protocols/audit/index.ts';
import { WireError } from '../../protocols/wire/index.ts';
import { VillageError } from '../../src/kernel/index.ts';
import { type Anchored, type AuditAcceptance, verifyAnchor } from '../../src/audit/index.ts';
import { type OwnAnchor, OwnAnchors } from './own-anchors.ts';
import type { WitnessParts } from './ports.ts';
import type { Evidence } from './witness-book.ts';
import { type Accepted, Countersigning } from './witness-desk.ts';

/** Peers asked when somebody wants to know how far the log is witnessed. */
const MAX_ASKED = 16;
/** Of what one peer holds of us, how much is compared when it is admitted; `audit verify` compares all of it. */
const COMPARED = 4;

/** A witness holds an entry of our log that is not the one the log has, or has no more. */
export interface Contradicted {
  readonly by: string;
  readonly kind: 'rewritten' | 'rolled-back' | 'fork';
  readonly seq: number;
}

export interface WitnessStatus {
  /** The last entry that a peer has countersigned; 0: none. */
  readonly witnessedTo: number;
  /** When the last one did, by its own clock; undefined: nobody. */
  readonly witnessedAtMs: number | undefined;
  /** Peers whose countersignature is here. */
  readonly witnesses: number;
  readonly contradicted: readonly Contradicted[];
  readonly evidence: readonly Evidence[];
}

/** Has peers countersign this node's log from time to time, compares with what they hold, and countersigns theirs. */
export class Witnesses {
  readonly #parts: WitnessParts;
  readonly #anchors: OwnAnchors;
  readonly #desk: Countersigning;
  readonly #contradicted = new Map<string, Contradicted>();
  /** Peers to be visited, each once, one after the other. */
  readonly #due = new Set<string>();
  /** Admitted peers whose holdings were compared with the log. */
  readonly #met = new Set<string>();
  #visiting: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #undo: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;
  #turn = 0;

  private constructor(parts: WitnessParts, { anchors, desk }: { anchors: OwnAnchors; desk: Countersigning }) {
    this.#parts = parts;
    this.#anchors = anchors;
    this.#desk = desk;
  }

  /** Answers on the host. Before the host starts. */
  static async open(parts: WitnessParts): Promise<Witnesses> {
    const anchors = await OwnAnchors.open(parts.store, parts);
    const witnesses = new Witnesses(parts, { anchors, desk: await Countersigning.open(parts) });
    parts.host.handle(AUDIT, (stream, { nodeId }) =>
      answerAudit(
        stream,
        { answer: ({ head }) => witnesses.#desk.answer(nodeId, head) },
        { signal: AbortSignal.timeout(AUDIT.timeoutMs) },
      ),
    );
    return witnesses;
  }

  /** Begins to ask. After the host has started. */
  start(): void {
    const { host } = this.#parts;
    this.#undo.push(
      host.onAdmitted(({ nodeId }) => {
        this.#met.delete(nodeId);
        this.#visit(nodeId);
      }),
    );
    for (const nodeId of host.admitted().keys()) this.#visit(nodeId);
    this.#tickLater();
  }

  /** Resolves when nothing of it touches the disk any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTick();
    for (const undo of this.#undo.splice(0)) undo();
    this.#due.clear();
    await this.#visiting;
  }

  status(): WitnessStatus {
    const anchors = this.#anchors.all();
    return {
      witnessedTo: this.#anchors.seq,
      witnessedAtMs: anchors.length === 0 ? undefined : Math.max(...anchors.map(({ atMs }) => atMs)),
      witnesses: anchors.length,
      contradicted: [...this.#contradicted.values()],
      evidence: this.#desk.book.evidence(),
    };
  }

  /** What this node holds of another one's log, also what its operator put aside. */
  async anchorsOf(nodeId: string): Promise<readonly Anchored[]> {
    const { book } = this.#desk;
    return [...(await book.asideOf(nodeId)), ...(await book.anchorsOf(nodeId))];
  }

  /** See `Countersigning.accept`. */
  accept(nodeId: string, options: { readonly after: number }): Promise<Accepted | undefined> {
    return this.#desk.accept(nodeId, options);
  }

  /** What a witness accepted as lost contradicts this log no longer. */
  restored({ witness, from, to }: Pick<AuditAcceptance, 'witness' | 'from' | 'to'>): void {
    for (const [key, { by, seq }] of this.#contradicted)
      if (by === witness && from <= seq && seq <= to) this.#contradicted.delete(key);
  }

  /** What is known of ours: what connected peers say they hold, and what they once signed. A peer that does not answer is left out. */
  async collect({ signal }: { readonly signal: AbortSignal }): Promise<OwnAnchor[]> {
    const peers = [...this.#parts.host.admitted().keys()].slice(0, MAX_ASKED);
    const asked = peers.map(async (nodeId) => {
      const answer = await this.#ask(nodeId, undefined, signal).catch(() => undefined);
      return answer?.outcome === 'held' ? this.#verified(answer.anchors, nodeId) : [];
    });
    return [...(await Promise.all(asked)).flat(), ...this.#anchors.all()];
  }

  #visit(nodeId: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#due.add(nodeId);
    this.#visiting ??= this.#visitAll().finally(() => {
      this.#visiting = undefined;
    });
  }

  async #visitAll(): Promise<void> {
    for (const nodeId of this.#due) {
      this.#due.delete(nodeId);
      await this.#quietly(async () => {
        if (!this.#met.has(nodeId)) await this.#compare(nodeId);
        await this.#witness(nodeId);
      });
    }
  }

  /** Compares with what a peer holds of us. */
  async #compare(nodeId: string): Promise<void> {
    const answer = await this.#ask(nodeId, undefined, this.#stopping.signal);
    if (answer.outcome !== 'held') return;
    const held = this.#verified(answer.anchors, nodeId);
    if (held.length < answer.anchors.length) {
      this.#parts.reporter.report('peer.misbehaved', { peer: nodeId, protocol: AUDIT.name, reason: 'bad-anchors' });
    }
    for (const { head } of held.slice(-COMPARED)) {
      const found = await this.#parts.log.hashAt(head.seq);
      if (found === 'gone' || found === head.hash) continue;
      this.#contradict({ by: nodeId, kind: found === undefined ? 'rolled-back' : 'rewritten', seq: head.seq });
    }
    const newest = held.at(-1);
    if (newest !== undefined) await this.#anchors.keep(newest);
    this.#met.add(nodeId);
  }

  async #witness(nodeId: string): Promise<void> {
    const { log, villageId, nodeId: node, signHead, clock, reporter } = this.#parts;
    const { seq, hash } = await log.settled();
    const before = this.#anchors.of(nodeId)?.head.seq;
    if (seq === 0 || before === seq) return;
    const there = before === undefined ? undefined : await log.hashAt(before);
    const since =
      before === undefined || there === undefined || there === 'gone' ? undefined : { seq: before, hash: there };
    const head = { village: villageId, node, seq, hash, at_ms: Math.trunc(clock.wallMs()) };
    const jws = signHead(since === undefined ? head : { ...head, since });
    const answer = await this.#ask(nodeId, jws, this.#stopping.signal);
    if (answer.outcome === 'anchored') {
      const [anchor] = this.#verified([{ head: jws, anchor: answer.anchor }], nodeId);
      if (anchor === undefined) {
        reporter.report('peer.misbehaved', { peer: nodeId, protocol: AUDIT.name, reason: 'bad-anchors' });
        return;
      }
      await this.#anchors.keep(anchor);
      reporter.report('audit.witnessed', { peer: nodeId, seq });
    } else if (answer.outcome === 'contradicts') {
      const [against] = this.#verified([answer.against], nodeId);
      if (against !== undefined) this.#contradict({ by: nodeId, kind: 'fork', seq: against.head.seq });
    }
  }

  /** Said once of each peer and entry. */
  #contradict(contradicted: Contradicted): void {
    const { by, kind, seq } = contradicted;
    // A fork that was already seen to be a rewriting or a loss is the same thing told by the peer.
    const key = `${by} ${seq}`;
    if (this.#contradicted.has(key)) return;
    this.#contradicted.set(key, contradicted);
    this.#parts.reporter.report('audit.contradiction', { node: this.#parts.nodeId, by, kind, seq });
  }

  /** Those that verify and are this peer's own word, oldest first. */
  #verified(anchors: readonly Anchored[], witness: string): OwnAnchor[] {
    const verified = anchors.flatMap((anchored) => {
      const anchor = verifyAnchor(anchored, this.#parts);
      return anchor?.witness === witness ? [{ ...anchor, anchored }] : [];
    });
    return verified.sort((one, other) => one.head.seq - other.head.seq);
  }

  async #ask(nodeId: string, head: string | undefined, signal: AbortSignal): Promise<Answer> {
    const deadline = { signal: AbortSignal.any([signal, AbortSignal.timeout(AUDIT.timeoutMs)]) };
    const stream = await this.#parts.host.openStream(nodeId, AUDIT, deadline);
    return askWitness(stream, { head }, deadline);
  }

  /** A peer that is gone or slow is asked another time; one that speaks otherwise is named. */
  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof WireError || isUnreachable(error) || this.#stopping.signal.aborted) return;
      this.#parts.reporter.report('background.failed', { area: 'witness', error });
    }
  }

  #tickLater(): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancelTick = this.#parts.clock.after(this.#parts.settings().everyMs, () => this.#tick());
  }

  /** Each peer in turn: in time many hold something. */
  #tick(): void {
    this.#tickLater();
    const admitted = this.#parts.host.admitted();
    for (const nodeId of this.#met) if (!admitted.has(nodeId)) this.#met.delete(nodeId);
    const peers = [...admitted.keys()].sort();
    const { witnesses } = this.#parts.settings();
    for (let asked = 0; asked < Math.min(witnesses, peers.length); asked += 1) {
      this.#turn = (this.#turn + 1) % peers.length;
      const nodeId = peers[this.#turn];
      if (nodeId !== undefined) this.#visit(nodeId);
    }
  }
}

const UNREACHABLE: readonly unknown[] = ['NODE_UNREACHABLE', 'NOT_ADMITTED', 'OTHER_REVISION', 'NOT_RUNNING'];

function isUnreachable(error: unknown): boolean {
  return error instanceof VillageError && UNREACHABLE.includes(error.code);
}
