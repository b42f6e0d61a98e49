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
import { RateLimiter } from '../../src/routing/index.ts';
import type { RevocationEntry } from '../identity/index.ts';
import { ParkedStatements } from './parked.ts';
import type { SpreadParts } from './ports.ts';
import { IdlePeers } from './idle-peers.ts';
import { pullFrom } from './pull.ts';
import { PullQueue } from './pull-queue.ts';
import { Shelf } from './shelf.ts';
import { SignerChains } from './signer-chains.ts';

const TOPIC = 'revocation/1';
const PULL_INTERVAL_MS = 30_000;
/** A statement that waits is reason to look soon, and looking often is no use. */
const HURRY_MS = 2_000;
/** Announcements of one publisher that are looked at; the others come by pulling. */
const HEARD = { perMinute: 600, burst: 200 };
/** Of what a pull brought, told on at once: it mends a village that was cut in two. */
const MAX_TOLD_ON = 32;

type Taken =
  | { readonly kind: 'known' | Exclude<Judged['kind'], 'valid'> }
  | { readonly kind: 'news'; readonly kept: Promise<void> };

/** Carries revocations through the village: gossip tells them at once, pulling makes sure. Nobody is believed but the signers. */
export class RevocationSpread {
  readonly #parts: SpreadParts;
  readonly #chains: SignerChains;
  readonly #shelf: Shelf;
  readonly #parked = new ParkedStatements();
  readonly #pulls: PullQueue;
  readonly #idle = new IdlePeers();
  /** Signers with too many, named once between two looks. */
  readonly #full = new Set<string>();
  readonly #rates = new RateLimiter({ maxKeys: 4_096 });
  readonly #saving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #undo: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;
  #tickAt = Number.POSITIVE_INFINITY;

  private constructor(parts: SpreadParts, chains: SignerChains) {
    this.#parts = parts;
    this.#chains = chains;
    this.#shelf = new Shelf(parts.revocations, (signer) => this.#chainOf(signer));
    this.#pulls = new PullQueue((nodeId) => this.#pull(nodeId));
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
    host.subscribe(TOPIC, (data, from) => spread.#hear(data, from));
    return spread;
  }

  /** Begins to ask. After the host has started. */
  start(): void {
    const { host, village } = this.#parts;
    this.#undo.push(
      host.onAdmitted(({ nodeId }) => this.#admitted(nodeId)),
      village.onPolicy(() => this.#reconsider()),
    );
    for (const nodeId of host.admitted().keys()) this.#admitted(nodeId);
    this.#tickIn(this.#interval());
  }

  /** Resolves when nothing of it touches the disk any more. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTick();
    for (const undo of this.#undo.splice(0)) undo();
    await this.#pulls.stop();
    await Promise.all(this.#saving);
  }

  /** Honours our own statement and tells the village. Durable on return; told to whoever is connected, and to others when they are. */
  async revoke(entry: RevocationEntry): Promise<'added' | 'known' | 'full'> {
    const outcome = await this.#parts.revocations.add(entry);
    if (outcome !== 'full') await this.#announce({ statement: entry.jws, chain: this.#chainOf(entry.revocation.by) });
    return outcome;
  }

  /** Whether what was gossiped may go on to others. */
  #hear(data: Uint8Array, from: string): boolean {
    if (from === this.#parts.host.nodeId) return true;
    if (this.#rates.take(from, HEARD, this.#parts.clock.now()) > 0) return false;
    const carried = readAnnouncement(data);
    if (carried === undefined) return false;
    const { kind } = this.#take(carried, from);
    return kind !== 'bad' && kind !== 'ended';
  }

  #take(carried: Carried, from: string): Taken {
    const { village, clock, revocations } = this.#parts;
    const by = claimedSigner(carried.statement);
    if (by !== undefined && revocations.has(carried.statement, by)) return { kind: 'known' };
    const { constitution, villageId } = village;
    const nowMs = clock.wallMs();
    const known = (nodeId: string) => this.#knownAs(nodeId);
    const judged = judge(carried, { constitution, villageId, policy: village.policy(), nowMs, known });
    if (judged.kind === 'valid') return { kind: 'news', kept: this.#keep(carried, judged) };
    if (judged.kind === 'waits' && this.#parked.add({ carried, from }, nowMs)) this.#hurry();
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

  #admitted(nodeId: string): void {
    this.#idle.forget(nodeId);
    this.#reconsider(nodeId);
    this.#pulls.add(nodeId);
  }

  /** Judges anew what waited: for this signer, or whatever changed. */
  #reconsider(signer?: string): void {
    for (const { carried, from } of this.#parked.of(signer)) {
      if (this.#take(carried, from).kind !== 'waits') this.#parked.remove(carried.statement);
    }
  }

  async #pull(nodeId: string): Promise<void> {
    const { host, reporter, clock } = this.#parts;
    const told: Carried[] = [];
    let [got, news] = [0, 0];
    const ended = await pullFrom(nodeId, {
      host,
      digest: this.#shelf.digest(),
      signal: this.#stopping.signal,
      take: async (page) => {
        const looked = page.filter((carried) => this.#hasRoomFor(carried));
        const taken = looked.map((carried) => ({ carried, ...this.#take(carried, nodeId) }));
        const fresh = taken.flatMap((one) => (one.kind === 'news' ? [one] : []));
        got += page.length;
        news += fresh.length;
        told.push(...fresh.slice(0, MAX_TOLD_ON - told.length).map(({ carried }) => carried));
        await Promise.all(fresh.map(({ kept }) => kept));
        return taken.filter(({ kind }) => kind === 'bad').length;
      },
    });
    if (got > 0 && news === 0) this.#idle.broughtNothing(nodeId, clock.now());
    else this.#idle.forget(nodeId);
    if (ended.kind === 'lied') {
      reporter.report('peer.misbehaved', { peer: nodeId, protocol: REVOCATION.name, reason: ended.because });
    }
    for (const carried of told) await this.#announce(carried);
  }

  /** A signer with too many costs no more looks. */
  #hasRoomFor({ statement }: Carried): boolean {
    const by = claimedSigner(statement);
    return by === undefined || !this.#parts.revocations.isFull(by);
  }

  /** Never rejects: who does not hear it now will pull it. */
  async #announce({ statement, chain }: Carried): Promise<void> {
    const by = claimedSigner(statement) ?? '';
    try {
      await this.#parts.host.publish(TOPIC, announcementOf({ statement, chain: this.#chainOf(by) ?? chain }));
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#parts.reporter.report('background.failed', { area: 'revocation', error });
    }
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
    const { host, clock, revocations } = this.#parts;
    this.#tickIn(this.#interval());
    const nowMs = clock.wallMs();
    void this.#save(revocations.forgetEnded(nowMs).then(() => this.#forgetSigners()));
    this.#parked.forgetOld(nowMs);
    this.#reconsider();
    this.#full.clear();
    this.#idle.keepOnly(host.admitted());
    const peers = [...host.admitted().keys()].filter((nodeId) => !this.#idle.rests(nodeId, clock.now()));
    const peer = peers[Math.floor(clock.chance() * peers.length)];
    if (peer !== undefined) this.#pulls.add(peer);
  }

  async #forgetSigners(): Promise<void> {
    this.#shelf.changed();
    const signers = new Set(this.#parts.revocations.list().map(({ revocation }) => revocation.by));
    await this.#chains.prune((nodeId) => signers.has(nodeId));
  }

  #interval(): number {
    const { clock, pullIntervalMs = PULL_INTERVAL_MS } = this.#parts;
    return pullIntervalMs * (0.5 + clock.chance());
  }

  #hurry(): void {
    if (this.#tickAt - this.#parts.clock.now() > HURRY_MS) this.#tickIn(HURRY_MS);
  }

  #tickIn(ms: number): void {
    this.#cancelTick();
    if (this.#stopping.signal.aborted) return;
    this.#tickAt = this.#parts.clock.now() + ms;
    this.#cancelTick = this.#parts.clock.after(ms, () => this.#tick());
  }
}
