import {
  type Payload,
  type Statement,
  type StatementKind,
  type PayloadOf,
  signingObstacle,
  statementInput,
  thumbprint,
} from '../../src/governance/index.ts';
import { toBase64Url } from '../../src/kernel/index.ts';
import type { Store } from '../storage/index.ts';
import type { Chronicle, Entry } from './chronicle.ts';
import type { ActRefusal } from './desk.ts';
import type { GovernanceClock, VoterKeys } from './ports.ts';
import { type Reach, Resumption } from './resumption.ts';
import { readNeeds, type SignerState, writeNeed } from './signer-state.ts';

export interface SignerOptions {
  readonly chronicle: Chronicle;
  readonly villageId: string;
  readonly keys: VoterKeys;
  readonly clock: GovernanceClock;
  readonly store: Store;
  readonly reach: Reach;
  /** This disk was put back: it may lack what it held once. */
  readonly restored: boolean;
  readonly halted: (voter: string) => void;
}

export type Body<K extends StatementKind> = PayloadOf<K>['body'];

/**
 * Signs for the voters whose keys are on this node. It never contradicts what it signed before, also when its disk is an older copy: it asks
 * the others for its own log first, and stops for good when it meets its own signature under something it does not know.
 */
export class Signer {
  readonly #options: SignerOptions;
  /** Voter → the statement that its log must hold before it goes on. */
  readonly #needs: Map<string, SignerState>;
  readonly #halted = new Set<string>();
  readonly #signed = new Set<string>();
  readonly #homes = new Map<string, { readonly node: string | undefined; readonly entries: number }>();
  readonly #resumption: Resumption;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SignerOptions, needs: Map<string, SignerState>, resumption: Resumption) {
    this.#options = options;
    this.#needs = needs;
    this.#resumption = resumption;
    options.chronicle.onEntry((entry) => this.#watch(entry));
  }

  static async open(options: SignerOptions): Promise<Signer> {
    const { store, clock, reach, restored, keys } = options;
    const resumption = await Resumption.open({ store, clock, reach, restored, voters: () => keys.list() });
    return new Signer(options, await readNeeds(store), resumption);
  }

  /** The voters of the electorate whose keys are here. */
  voters(): string[] {
    return this.#options.keys.list().filter((name) => this.#keyOf(name) !== undefined);
  }

  /** A peer gave us all it has, our own log included. */
  askedPeer(nodeId: string): void {
    this.#resumption.askedPeer(nodeId);
  }

  /** Why this voter cannot sign here now; undefined: it can. */
  obstacle(voter: string): ActRefusal | undefined {
    const { chronicle } = this.#options;
    if (this.#keyOf(voter) === undefined) {
      const message = `the key of ${voter} is not on this node: ask its own node, or hand in a signed_statement`;
      return { code: 'KEY_NOT_HERE', message };
    }
    if (this.#halted.has(voter)) {
      const message = `the key of ${voter} signs somewhere else as well, or could not be trusted to this disk; this node has stopped signing with it`;
      return { code: 'KEY_DOUBLED', message };
    }
    const need = this.#needs.get(voter);
    if (need !== undefined && need.head !== null && !chronicle.ledger.has(need.head)) {
      const message = `this node does not know yet what ${voter} signed before the key came here; connect to the village`;
      return { code: 'NOT_SYNCED', message, retryAfterMs: 1_000 };
    }
    const missing = this.#resumption.mustHearFrom(voter);
    if (missing.length === 0) return undefined;
    if (!this.#resumption.isRestored(voter)) {
      const message = 'this node is still asking the others what its voters signed';
      return { code: 'NOT_SYNCED', message, retryAfterMs: 500 };
    }
    const message = `what this disk holds of ${voter} may be an older copy: it signs when it has heard from ${named(missing)}, or after \`village gov resume ${voter}\``;
    return { code: 'RESTORED', message, retryAfterMs: 1_000, detail: { missing } };
  }

  /** The key came without word of what it signed: it may have signed more than is known here. Durable on return. */
  distrust(voter: string): Promise<void> {
    return this.#resumption.distrust(voter);
  }

  /** Somebody vouches that all of the voter's log is here. Durable on return. */
  trust(voter: string): Promise<void> {
    return this.#resumption.trust(voter);
  }

  /** Where a voter's log ended, after its key was taken away: what was being signed then is part of it. */
  async released(voter: string): Promise<SignerState> {
    await this.#turn;
    const key = this.#options.chronicle.ledger.epoch().rules.voters.get(voter);
    const last = key === undefined ? undefined : this.#options.chronicle.logs().get(thumbprint(key))?.at(-1);
    return { village: this.#options.villageId, voter, seq: last?.seq ?? 0, head: last?.id ?? null };
  }

  /** The node that the voter last said its key is on. */
  homeOf(voter: string): string | undefined {
    const key = this.#keyOf(voter);
    const { chronicle } = this.#options;
    const log = key === undefined ? undefined : chronicle.logs().get(thumbprint(key));
    const known = this.#homes.get(voter);
    if (known !== undefined && known.entries === log?.length) return known.node;
    const home = log?.findLast(({ id }) => chronicle.ledger.get(id)?.payload.kind === 'home');
    const payload = home === undefined ? undefined : chronicle.ledger.get(home.id)?.payload;
    const node = payload?.kind === 'home' ? payload.body.node : undefined;
    this.#homes.set(voter, { node, entries: log?.length ?? 0 });
    return node;
  }

  /** The key came from elsewhere: it signs nothing here before its log is known up to there. Durable on return. */
  async adopt(state: SignerState): Promise<void> {
    this.#halted.delete(state.voter);
    this.#needs.set(state.voter, state);
    await writeNeed(this.#options.store, state);
  }

  /**
   * Signs what `bodyAt` makes of the statement's time, one statement after the other; on disk before it is anywhere else. undefined from
   * `bodyAt`: nothing is to be signed any more.
   */
  sign<K extends StatementKind>(
    voter: string,
    kind: K,
    bodyAt: (ts: number) => Body<K> | undefined,
  ): Promise<Statement | undefined> {
    const signing = this.#turn.then(() => this.#sign(voter, kind, bodyAt));
    this.#turn = signing.catch(() => undefined); // whoever waits for the signature hears of it
    return signing;
  }

  async #sign<K extends StatementKind>(
    voter: string,
    kind: K,
    bodyAt: (ts: number) => Body<K> | undefined,
  ): Promise<Statement | undefined> {
    const { chronicle, keys, villageId, clock } = this.#options;
    const key = this.#keyOf(voter);
    if (key === undefined || this.obstacle(voter) !== undefined) return undefined;
    await this.#resumption.trust(voter);
    // Between its fence and the next epoch whatever a voter signs would be void.
    if (kind !== 'fence' && signingObstacle(voter, chronicle) !== undefined) return undefined;
    const kid = thumbprint(key);
    const last = chronicle.logs().get(kid)?.at(-1);
    const before = last === undefined ? undefined : chronicle.ledger.get(last.id);
    const ts = Math.max(clock.wallMs(), (before?.payload.ts ?? -1) + 1, chronicle.ledger.constitution.created_at);
    const body = bodyAt(ts);
    if (body === undefined) return undefined;
    const envelope = {
      v: 1,
      net: villageId,
      ep: chronicle.ledger.epoch().ep,
      voter,
      seq: (last?.seq ?? 0) + 1,
      prev: last?.id ?? null,
      ts,
    };
    const payload = { ...envelope, kind, body } as unknown as Payload;
    const { input, id } = statementInput(key, payload);
    const signature = keys.sign(voter, Buffer.from(input, 'latin1'));
    if (signature === undefined) return undefined;
    this.#signed.add(kid);
    try {
      return (await chronicle.append({ id, kid, token: `${input}.${toBase64Url(signature)}`, payload })).statement;
    } catch (error) {
      this.#halt(voter); // it may be on disk or not: what is signed next could contradict it
      throw error;
    }
  }

  /** The key as the electorate of now has it, when it is here. */
  #keyOf(voter: string): string | undefined {
    const key = this.#options.chronicle.ledger.epoch().rules.voters.get(voter);
    return key !== undefined && this.#options.keys.publicKey(voter) === key ? key : undefined;
  }

  /** Own signatures that are news after we began to sign: another copy of the key is at work. */
  #watch({ statement: { kid, payload }, own, effects }: Entry): void {
    const foreign = !own && this.#signed.has(kid);
    const caught = effects.some((effect) => effect.kind === 'evidence' && effect.evidence.kid === kid);
    if ((!foreign && !caught) || this.#halted.has(payload.voter)) return;
    // Whoever has a key that was replaced can sign with it, and stop nobody who votes with another by now.
    const key = this.#keyOf(payload.voter);
    if (key !== undefined && thumbprint(key) === kid) this.#halt(payload.voter);
  }

  #halt(voter: string): void {
    this.#halted.add(voter);
    this.#options.halted(voter);
  }
}

const MAX_NAMED = 3;

function named(nodes: readonly string[]): string {
  const more = nodes.length - MAX_NAMED;
  return `${nodes.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
