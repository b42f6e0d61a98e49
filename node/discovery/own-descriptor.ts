import {
  DESCRIPTOR_TYPE,
  type DirectoryDesk,
  HINT_TYPE,
  MAX_DESCRIPTOR_BYTES,
} from '../../protocols/directory/index.ts';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import type { AwayServer, LocalServer, ServerSummary } from '../../src/routing/index.ts';
import type { DirectoryParts, DirectoryState } from './ports.ts';
import { type Listed, Listing } from './published.ts';

type Parts = Pick<DirectoryParts, 'village' | 'sign' | 'store' | 'hosting' | 'clock' | 'reporter'> & {
  readonly nodeId: string;
  readonly validityMs: number;
};

interface Signed {
  readonly token: string;
  readonly issuedAtMs: number;
}

/** Base64url of a payload takes a third more; the rest is header and signature. */
const MAX_PAYLOAD_CHARS = Math.floor((MAX_DESCRIPTOR_BYTES - 1_024) * 0.75);

/**
 * What this node says it serves. A number is on disk before anyone sees it, so it only ever rises; a descriptor is signed anew when
 * somebody asks and the last one is half spent.
 */
export class OwnDescriptor implements DirectoryDesk {
  readonly #parts: Parts;
  readonly #listing = new Listing();
  #state: DirectoryState;
  #listed: readonly Listed[] = [];
  #summaries: readonly ServerSummary[] = [];
  #away: readonly AwayServer[] = [];
  #unfit: ReadonlyMap<string, ServerDefinition> = new Map();
  #withdrawn = false;
  #signed: Signed | undefined;
  #hint: Uint8Array | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts, state: DirectoryState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Takes up where the last run left off, with a higher number. Rejects when the store does. */
  static async open(parts: Parts): Promise<OwnDescriptor> {
    const known = (await parts.store.load()) ?? { seq: 0, firstSeen: {} };
    // The clock is a second line: a folder put back from a copy must not be taken for a roll-back.
    const state = { ...known, seq: Math.max(known.seq + 1, Math.floor(parts.clock.wallMs())) };
    await parts.store.save(state);
    return new OwnDescriptor(parts, state);
  }

  get seq(): number {
    return this.#state.seq;
  }

  /** Every server that this node's own agents can use, shared or not. */
  local(): LocalServer[] {
    return this.#listed.map((one) => ({
      alias: one.alias,
      kind: one.kind,
      definition: one.definition,
      definitionHash: one.hashes.definitionHash,
      firstSeenMs: this.#state.firstSeen[one.alias] as number,
      draining: one.draining,
    }));
  }

  /** The servers that other nodes are told of. */
  shared(): readonly ServerSummary[] {
    return this.#withdrawn ? [] : this.#summaries;
  }

  /** Whether a server of this node answers, and offers more than anybody can be told. */
  isUnfit(alias: string): boolean {
    return this.#unfit.has(alias);
  }

  /** The servers that they are told to be away. */
  away(): readonly AwayServer[] {
    return this.#withdrawn ? [] : this.#away;
  }

  /** Reads the hosted servers again, one reading after the other. What changed: for this node's agents, for other nodes. */
  refresh(): Promise<{ readonly local: boolean; readonly shared: boolean }> {
    return this.#inTurn(async () => {
      const nowMs = this.#parts.clock.wallMs();
      const { listed, unfit, away } = this.#listing.read(this.#parts.hosting, this.#parts.clock.now());
      const unlisted = [...unfit].filter(([alias, definition]) => this.#unfit.get(alias) !== definition);
      const unfitChanged = unlisted.length > 0 || unfit.size !== this.#unfit.size;
      const local = unfitChanged || fingerprint(listed) !== fingerprint(this.#listed);
      const awayChanged = JSON.stringify(away) !== JSON.stringify(this.#away);
      if ((!local && !awayChanged) || this.#withdrawn) return { local: false, shared: false };
      for (const [server] of unlisted) this.#parts.reporter.report('directory.unlisted', { server });
      const firstSeen = { ...this.#state.firstSeen };
      for (const one of listed) firstSeen[one.alias] ??= nowMs;
      const summaries = summarise(listed, { firstSeen, away });
      for (const { alias } of listed.filter((one) => one.share === 'mesh').slice(summaries.length)) {
        this.#parts.reporter.report('directory.unlisted', { server: alias });
      }
      const shared = awayChanged || JSON.stringify(summaries) !== JSON.stringify(this.#summaries);
      await this.#keep({ seq: this.#state.seq + (shared ? 1 : 0), firstSeen });
      this.#listed = listed;
      this.#summaries = summaries;
      this.#away = away;
      this.#unfit = unfit;
      return { local, shared };
    });
  }

  /** Milliseconds until `refresh` would find a server gone that is down now; undefined: none is. */
  graceLeft(): number | undefined {
    return this.#listing.graceLeft(this.#parts.clock.now());
  }

  /** From here on this node serves nothing. */
  withdraw(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#keep({ ...this.#state, seq: this.#state.seq + 1 });
      this.#withdrawn = true;
      this.#hint = undefined;
    });
  }

  describe(): string {
    const nowMs = this.#parts.clock.wallMs();
    const age = this.#signed === undefined ? Number.POSITIVE_INFINITY : nowMs - this.#signed.issuedAtMs;
    if (this.#signed !== undefined && age >= 0 && age < this.#parts.validityMs / 2) return this.#signed.token;
    const payload = {
      village: this.#parts.village,
      node: this.#parts.nodeId,
      seq: this.#state.seq,
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + this.#parts.validityMs,
      ...(this.#withdrawn ? { withdrawn: true } : {}),
      servers: this.shared(),
      ...(this.away().length === 0 ? {} : { away: this.away() }),
    };
    this.#signed = { token: this.#parts.sign(DESCRIPTOR_TYPE, payload), issuedAtMs: nowMs };
    return this.#signed.token;
  }

  define(hash: string): ServerDefinition | undefined {
    return this.#listed.find((one) => one.share === 'mesh' && one.hashes.definitionHash === hash)?.definition;
  }

  /** What is gossiped when the descriptor changed: a JWS, as bytes. */
  hint(): Uint8Array {
    const { village, nodeId: node, sign } = this.#parts;
    const { seq } = this.#state;
    this.#hint ??= Buffer.from(sign(HINT_TYPE, { village, node, seq, withdrawn: this.#withdrawn }));
    return this.#hint;
  }

  async #keep(state: DirectoryState): Promise<void> {
    await this.#parts.store.save(state);
    this.#state = state;
    this.#signed = undefined;
    this.#hint = undefined;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined); // whoever called sees the failure; the next one starts afresh
    return done;
  }
}

function summarise(
  listed: readonly Listed[],
  { firstSeen, away }: { firstSeen: Readonly<Record<string, number>>; away: readonly AwayServer[] },
): ServerSummary[] {
  const summaries: ServerSummary[] = [];
  let room = MAX_PAYLOAD_CHARS - Buffer.byteLength(JSON.stringify(away));
  for (const { alias, kind, share, hashes, draining } of listed) {
    if (share !== 'mesh') continue;
    const { definitionHash, toolHashes } = hashes;
    const summary = {
      alias,
      kind,
      definitionHash,
      firstSeenMs: firstSeen[alias] as number,
      toolHashes,
      ...(draining ? { draining } : {}),
    };
    room -= Buffer.byteLength(JSON.stringify(summary)) + 1;
    if (room < 0) break;
    summaries.push(summary);
  }
  return summaries;
}

function fingerprint(listed: readonly Listed[]): string {
  return listed
    .map((one) => `${one.alias} ${one.kind} ${one.share} ${one.draining} ${one.hashes.definitionHash}`)
    .join('\n');
}
