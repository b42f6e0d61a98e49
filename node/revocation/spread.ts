import {
  announcementOf,
  answerRevocations,
  type Carried,
  claimedSigner,
  judge,
  type Judged,
  readAnnouncement,
  REVOCATION,
} from '../../protocols/revocation/index.ts';
import { type Membership, verifyMembership } from '../../src/constitution/index.ts';
import { sha256Hex } from '../../src/kernel/index.ts';
import type { RevocationEntry } from '../identity/index.ts';
import { Parked, Spread, type SpreadTopic, type Taken } from '../spread/index.ts';
import type { SpreadParts } from './ports.ts';
import { pullFrom } from './pull.ts';
import { Shelf } from './shelf.ts';
import { SignerChains } from './signer-chains.ts';

const MAX_PARKED_BYTES = 4 * 1024 * 1024;
const PULL_INTERVAL_MS = 30_000;
/** A statement that waits is reason to look soon, and looking often is no use. */
const HURRY_MS = 2_000;
/** Announcements of one publisher that are looked at; the others come by pulling. */
const HEARD = { perMinute: 600, burst: 200 };
/** Of what a pull brought, told on at once: it mends a village that was cut in two. */
const MAX_TOLD_ON = 32;

/** Carries revocations through the village: gossip tells them at once, pulling makes sure. Nobody is believed but the signers. */
export class RevocationSpread {
  readonly #parts: SpreadParts;
  readonly #chains: SignerChains;
  readonly #shelf: Shelf;
  readonly #parked = new Parked<Carried>({
    idOf: ({ statement }) => sha256Hex(statement),
    bytesOf: ({ statement }) => statement.length,
    maxItems: 1_024,
    maxBytes: MAX_PARKED_BYTES,
  });
  readonly #spread: Spread<Carried>;
  /** Signers with too many, named once between two looks. */
  readonly #full = new Set<string>();
  readonly #saving = new Set<Promise<void>>();
  readonly #undo: (() => void)[] = [];

  private constructor(parts: SpreadParts, chains: SignerChains) {
    this.#parts = parts;
    this.#chains = chains;
    this.#shelf = new Shelf(parts.revocations, (signer) => this.#chainOf(signer));
    this.#spread = new Spread(parts, this.#topic());
  }

  /** Serves and listens on the host. Before the host starts. */
  static async open(parts: SpreadParts): Promise<RevocationSpread> {
    const { host, village, store, clock, revocations } = parts;
    const { constitution, villageId } = village;
    const chains = await SignerChains.open({
      store,
      verify: (chain, nodeId) =>
        verifyMembership(chain, { constitution, villageId, policy: village.policy(), nowMs: clock.wallMs(), nodeId }),
    });
    const spread = new RevocationSpread(parts, chains);
    spread.#undo.push(revocations.onRevoked(() => spread.#shelf.changed()));
    host.handle(REVOCATION, (stream) => {
      return answerRevocations(stream, spread.#shelf, { signal: AbortSignal.timeout(REVOCATION.timeoutMs) });
    });
    return spread;
  }

  /** Begins to ask. After the host has started. */
  start(): void {
    this.#undo.push(this.#parts.village.onPolicy(() => this.#reconsider()));
    this.#spread.start();
  }

  /** Resolves when nothing of it touches the disk any more. Never rejects. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo();
    await this.#spread.stop();
    await Promise.all(this.#saving);
  }

  /** Honours our own statement and tells the village. Durable on return; told to whoever is connected, and to others when they are. */
  async revoke(entry: RevocationEntry): Promise<'added' | 'known' | 'full'> {
    const outcome = await this.#parts.revocations.add(entry);
    if (outcome !== 'full') await this.#spread.tell({ statement: entry.jws, chain: undefined });
    return outcome;
  }

  #topic(): SpreadTopic<Carried> {
    const { host, pullIntervalMs = PULL_INTERVAL_MS } = this.#parts;
    return {
      name: REVOCATION.name,
      pullIntervalMs,
      hurryMs: HURRY_MS,
      heard: HEARD,
      maxToldOn: MAX_TOLD_ON,
      restsIdle: true,
      read: readAnnouncement,
      announcementOf: ({ statement, chain }) =>
        announcementOf({ statement, chain: this.#chainOf(claimedSigner(statement) ?? '') ?? chain }),
      take: (carried, from) => this.#take(carried, from),
      pull: (nodeId, { signal, take }) =>
        pullFrom(nodeId, {
          host,
          digest: this.#shelf.digest(),
          signal,
          take: (page) => {
            const looked = page.filter((carried) => this.#hasRoomFor(carried));
            return take(looked, page.length - looked.length);
          },
        }),
      admitted: (nodeId) => this.#reconsider(nodeId),
      tick: () => this.#tick(),
    };
  }

  #take(carried: Carried, from: string): Taken {
    const taken = this.#weigh(carried);
    if (taken.kind !== 'waits') return taken;
    // Put aside before: its sender was asked then.
    return this.#parked.add(carried, { from, nowMs: this.#parts.clock.wallMs() }) ? taken : { kind: 'known' };
  }

  #weigh(carried: Carried): Taken {
    const { village, clock, revocations } = this.#parts;
    const by = claimedSigner(carried.statement);
    if (by !== undefined && revocations.has(carried.statement, by)) return { kind: 'known' };
    const { constitution, villageId } = village;
    const nowMs = clock.wallMs();
    const known = (nodeId: string) => this.#knownAs(nodeId);
    const judged = judge(carried, { constitution, villageId, policy: village.policy(), nowMs, known });
    if (judged.kind === 'valid') return { kind: 'news', kept: this.#keep(carried, judged) };
    return { kind: judged.kind };
  }

  /** In force when this returns, on disk when it resolves. Never rejects. */
  #keep({ statement }: Carried, { revocation, signer }: Extract<Judged, { kind: 'valid' }>): Promise<void> {
    const { revocations, reporter, host } = this.#parts;
    const { by, kind, id } = revocation;
    const adding = revocations.add({ revocation, jws: statement }).then((outcome) => {
      if (outcome === 'added') reporter.report('revocation.heard', { by, kind, id });
      else if (outcome === 'full') this.#nameFull(by);
    });
    const learning = signer === undefined || by === host.nodeId ? undefined : this.#chains.learn(signer);
    return this.#save(Promise.all([adding, learning]));
  }

  #nameFull(by: string): void {
    if (this.#full.has(by)) return;
    this.#full.add(by);
    this.#parts.reporter.report('revocation.full', { by });
  }

  #save(work: Promise<unknown>): Promise<void> {
    const saved: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => this.#parts.reporter.report('background.failed', { area: 'revocation', error }),
      )
      .finally(() => this.#saving.delete(saved));
    this.#saving.add(saved);
    return saved;
  }

  /** Judges anew what waited: for this signer, or whatever changed. */
  #reconsider(signer?: string): void {
    for (const { item: carried } of this.#parked.list()) {
      if (signer !== undefined && claimedSigner(carried.statement) !== signer) continue;
      if (this.#weigh(carried).kind !== 'waits') this.#parked.remove(carried);
    }
  }

  /** A signer with too many costs no more looks. */
  #hasRoomFor({ statement }: Carried): boolean {
    const by = claimedSigner(statement);
    return by === undefined || !this.#parts.revocations.isFull(by);
  }

  #knownAs(nodeId: string): readonly Membership[] {
    const members = [this.#parts.host.admitted().get(nodeId)?.membership, this.#chains.get(nodeId)];
    return members.filter((member) => member !== undefined);
  }

  #chainOf(signer: string): readonly string[] | undefined {
    const { host, village } = this.#parts;
    return signer === host.nodeId ? village.chain() : this.#knownAs(signer)[0]?.chain;
  }

  #tick(): void {
    const { clock, revocations } = this.#parts;
    const nowMs = clock.wallMs();
    void this.#save(revocations.forgetEnded(nowMs).then(() => this.#forgetSigners()));
    this.#parked.forgetOld(nowMs);
    this.#reconsider();
    this.#full.clear();
  }

  async #forgetSigners(): Promise<void> {
    this.#shelf.changed();
    const signers = new Set(this.#parts.revocations.list().map(({ revocation }) => revocation.by));
    await this.#chains.prune((nodeId) => signers.has(nodeId));
  }
}
