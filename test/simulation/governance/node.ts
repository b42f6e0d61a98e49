import {
  Attention,
  callsToBegin,
  decideToSign,
  type IngestResult,
  Ledger,
  type Payload,
  type PayloadOf,
  type SigningRule,
  type Statement,
  type StatementKind,
  type Switches,
} from '../../../src/governance/index.ts';
import { council, KEYS, NET, signStatement, type VoterKey } from './village.ts';

export interface Faults {
  readonly ledger: Switches;
  readonly signing: ReadonlySet<SigningRule>;
}

/** A node of the simulation: what is in memory is lost in a crash, what is on disk is not. */
export class SimNode {
  readonly name: string;
  /** The voter whose keys are here. */
  readonly voter: string | undefined;
  /** By how much its wall clock is wrong. */
  skewMs = 0;
  up = true;
  /** Another copy of this node has signed: it has noticed, and signs no more. */
  halted = false;
  /** Nodes whose whole log this one has had since it started. */
  readonly heard = new Set<string>();
  /** From how many it must have heard before it signs: from one, and from all when its disk is an older copy. */
  mustHear = 1;
  ledger: Ledger;
  readonly #faults: Faults;
  #attention = new Attention();
  #disk: Statement[] = [];
  #parked: Statement[] = [];
  #bootMs = 0;
  readonly #mine = new Set<string>();
  /** On disk: calls that were begun here, by proposal and by nonce. */
  readonly #begun = new Set<string>();

  constructor(name: string, faults: Faults) {
    this.name = name;
    this.voter = Object.hasOwn(KEYS, name) ? name : undefined;
    this.#faults = faults;
    this.ledger = new Ledger(council, { off: faults.ledger });
  }

  get disk(): readonly Statement[] {
    return this.#disk;
  }

  /** The key this node's voter votes with now; undefined: none of its keys is in the electorate. */
  key(): VoterKey | undefined {
    const now = this.ledger.epoch().rules.kids.get(this.voter ?? '');
    return (KEYS[this.voter ?? ''] ?? []).find(({ kid }) => kid === now);
  }

  wallMs(nowMs: number): number {
    return nowMs + this.skewMs;
  }

  take(statement: Statement, nowMs: number): IngestResult {
    const result = this.ledger.add(statement, { nowMs: this.wallMs(nowMs) });
    if (result.kind === 'parked') this.#parked.push(statement);
    if (result.kind !== 'accepted') return result;
    this.#disk.push(statement);
    if (statement.kid === this.key()?.kid && !this.#mine.has(statement.id) && this.heard.size >= this.mustHear)
      this.halted = true;
    if (result.effects.some(({ kind }) => kind === 'epoch') || this.ledger.wanted().length > 0) this.#reconsider(nowMs);
    return result;
  }

  #reconsider(nowMs: number): void {
    const again = this.#parked.splice(0);
    for (const statement of again) this.take(statement, nowMs);
  }

  callsToBegin(): readonly { readonly id: string; readonly nonce: string }[] {
    const begun = (name: string): boolean => this.#begun.has(name);
    return callsToBegin(this.ledger.policy(), { node: this.name, begun }).flatMap(({ id, actions: [action] }) =>
      action?.op === 'call' ? [{ id, nonce: action.nonce }] : [],
    );
  }

  begin(id: string, nonce: string): void {
    this.#begun.add(id).add(nonce);
  }

  /** The next statement of its log, not yet stored and not yet sent. */
  draft<K extends StatementKind>(kind: K, body: PayloadOf<K>['body'], nowMs: number): Statement | undefined {
    const key = this.key();
    if (key === undefined) return undefined;
    const log = this.ledger.since(key.kid, { after: 0, limit: Number.MAX_SAFE_INTEGER });
    const last = log.at(-1);
    const ts = Math.max(this.wallMs(nowMs), (last?.payload.ts ?? -1) + 1);
    const { voter } = key;
    const ep = this.ledger.epoch().ep;
    const fixed = kind === 'proposal' ? withDeadline(body as PayloadOf<'proposal'>['body'], ts, this.ledger) : body;
    const payload = {
      v: 1,
      net: NET,
      ep,
      kind,
      voter,
      seq: (last?.payload.seq ?? 0) + 1,
      prev: last?.id ?? null,
      ts,
      body: fixed,
    };
    return signStatement(key, payload as Payload);
  }

  keep(statement: Statement, nowMs: number): void {
    this.#mine.add(statement.id);
    this.take(statement, nowMs);
  }

  /** What its voter's rules make it sign now. */
  next(nowMs: number, final: ReadonlySet<string>): Statement | undefined {
    if (this.voter === undefined) return undefined;
    const clock = { wallMs: this.wallMs(nowMs), monoMs: nowMs - this.#bootMs };
    const context = { ledger: this.ledger, attention: this.#attention, clock, final, off: this.#faults.signing };
    const act = decideToSign(this.voter, context)[0];
    return act === undefined ? undefined : this.draft(act.kind, act.body, nowMs);
  }

  /** Starts again from what is on disk, or from an older copy of it. */
  restart(nowMs: number, disk: readonly Statement[] = this.#disk): void {
    this.#disk = [];
    this.#parked = [];
    this.#attention = new Attention();
    this.#bootMs = nowMs;
    // An older copy stays one until it has heard from all, however often it starts again.
    if (this.heard.size >= this.mustHear) this.mustHear = 1;
    this.heard.clear();
    this.#mine.clear();
    this.ledger = new Ledger(council, { off: this.#faults.ledger });
    for (const statement of disk) this.#mine.add(statement.id);
    for (const statement of disk) this.take(statement, nowMs);
    this.up = true;
  }
}

function withDeadline(body: PayloadOf<'proposal'>['body'], ts: number, ledger: Ledger): PayloadOf<'proposal'>['body'] {
  return { ...body, deadline: ts + ledger.epoch().rules.periodMs[body.type] };
}
