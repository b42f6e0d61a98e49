import { type Answer, MAX_ANCHORS } from '../../protocols/audit/index.ts';
import {
  anchorOf,
  type Anchored,
  type AuditAcceptance,
  type AuditHead,
  judgeHead,
  thinned,
  verifyHead,
} from '../../src/audit/index.ts';
import { RateLimiter } from '../../src/routing/index.ts';
import type { WitnessParts } from './ports.ts';
import { WitnessBook } from './witness-book.ts';

/** Requests of one peer that are looked at: each may cost a signature and an fsync. */
const HEARD = { perMinute: 60, burst: 20 };

type DeskParts = Pick<
  WitnessParts,
  'villageId' | 'nodeId' | 'host' | 'store' | 'signAnchor' | 'signAcceptance' | 'reporter' | 'clock'
>;

export type Accepted = AuditAcceptance & { readonly jws: string };

/** Countersigns what other nodes say of their logs, and keeps what they cannot take back. */
export class Countersigning {
  readonly book: WitnessBook;
  readonly #parts: DeskParts;
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #busy = new Set<string>();

  private constructor(parts: DeskParts, book: WitnessBook) {
    this.#parts = parts;
    this.book = book;
  }

  static async open(parts: DeskParts): Promise<Countersigning> {
    return new Countersigning(parts, await WitnessBook.open(parts.store));
  }

  /** One at a time for each node: what it is told depends on what is held of it. */
  async answer(node: string, jws: string | undefined): Promise<Answer> {
    if (this.#busy.has(node) || this.#rates.take(node, HEARD, this.#parts.clock.now()) > 0) return refused();
    this.#busy.add(node);
    try {
      if (jws === undefined) return { v: 1, outcome: 'held', anchors: await this.#told(node) };
      return await this.#countersign(node, jws);
    } finally {
      this.#busy.delete(node);
    }
  }

  /**
   * By the operator's word: entries of `node` after `after` that this node has seen are lost to it. Answers the signed acceptance;
   * undefined: nothing is held after that entry, or that node is being answered right now.
   */
  async accept(node: string, { after }: { readonly after: number }): Promise<Accepted | undefined> {
    const { villageId: village, nodeId: witness, signAcceptance, clock } = this.#parts;
    if (this.#busy.has(node)) return undefined;
    this.#busy.add(node);
    try {
      const put = await this.book.putAside(node, { after });
      if (put === undefined) return undefined;
      const acceptance = { village, node, witness, ...put, from: after + 1, at_ms: Math.trunc(clock.wallMs()) };
      return { ...acceptance, jws: signAcceptance(acceptance) };
    } finally {
      this.#busy.delete(node);
    }
  }

  /** As many as a message carries, from all the time that is held. */
  async #told(node: string): Promise<Anchored[]> {
    const anchors = await this.book.anchorsOf(node);
    const seqs = this.book.heldOf(node).map(({ seq }) => seq);
    const told = new Set(thinned(seqs, MAX_ANCHORS));
    return anchors.filter((_, at) => told.has(seqs[at] ?? 0));
  }

  async #countersign(node: string, jws: string): Promise<Answer> {
    const { host, villageId, reporter } = this.#parts;
    const issuerKey = host.admitted().get(node)?.membership.issuerKey;
    const head = issuerKey && verifyHead(jws, { issuerKey, villageId, nodeId: node });
    if (head === undefined) {
      reporter.report('peer.misbehaved', { peer: node, protocol: 'audit/1', reason: 'not-its-head' });
      return refused();
    }
    const verdict = judgeHead(head, this.book.heldOf(node));
    switch (verdict.kind) {
      case 'fresh':
        return this.book.hasRoomFor(node) ? this.#keep(node, { jws, head }) : refused();
      case 'known':
      case 'stale':
        return { v: 1, outcome: 'stale' };
      case 'fork':
      case 'rolled-back': {
        const held = await this.#anchorAt(node, verdict.against);
        if (held === undefined) return refused();
        const { kind, against } = verdict;
        const atMs = Math.trunc(this.#parts.clock.wallMs());
        if (await this.book.keepEvidence({ node, kind, seq: against.seq, held, offered: jws, atMs })) {
          reporter.report('audit.contradiction', { node, by: this.#parts.nodeId, kind, seq: against.seq });
        }
        return { v: 1, outcome: 'contradicts', against: held };
      }
    }
  }

  async #keep(node: string, { jws, head }: { readonly jws: string; readonly head: AuditHead }): Promise<Answer> {
    const { nodeId, signAnchor, clock } = this.#parts;
    const anchor = signAnchor(anchorOf({ jws, head }, { witness: nodeId, atMs: Math.trunc(clock.wallMs()) }));
    await this.book.keep(node, head, { head: jws, anchor });
    return { v: 1, outcome: 'anchored', anchor };
  }

  async #anchorAt(node: string, { seq }: Pick<AuditHead, 'seq'>): Promise<Anchored | undefined> {
    const at = this.book.heldOf(node).findIndex((held) => held.seq === seq);
    return at === -1 ? undefined : (await this.book.anchorsOf(node))[at];
  }
}

function refused(): Answer {
  return { v: 1, outcome: 'refused' };
}
