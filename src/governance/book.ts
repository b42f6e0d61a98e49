import { type Action, GENESIS } from './body.ts';
import { Log } from './log.ts';
import { Registers } from './registers.ts';
import type { Statement, StatementOf } from './statement.ts';

/** Whether a statement is about deciding who decides, and so may end its epoch. */
export function changesRules(proposal: StatementOf<'proposal'>): boolean {
  const op = proposal.payload.body.actions[0]?.op;
  return op === 'amend' || op === 'expel' || op === 'recover';
}

/** Whether it may change what lies above the voted policy. */
export function touchesOverlay({ payload }: Statement): boolean {
  if (payload.kind === 'commit') return payload.body.ratifies === true;
  return payload.kind === 'override' || payload.kind === 'hold' || payload.kind === 'revoke' || payload.kind === 'home';
}

/** Whether its approval ends the epoch: the intent of a recovery alone does not. */
export function endsEpoch(proposal: StatementOf<'proposal'>): boolean {
  const action = proposal.payload.body.actions[0];
  return changesRules(proposal) && (action?.op !== 'recover' || action.intent !== null);
}

/** What only one of several proposals can have next. A recovery's intent changes nothing yet. */
function slotOf(action: Action): string | undefined {
  if (action.op === 'set') return action.key;
  if (action.op === 'amend' || action.op === 'expel') return `constitution ${action.base}`;
  return action.op === 'recover' && action.intent !== null ? `constitution ${action.base}` : undefined;
}

/**
 * Every statement that was taken in, indexed. A set that only grows: what it means is computed elsewhere, from the set
 * alone, so the order of arrival can't matter.
 */
export class Book {
  readonly registers = new Registers();
  readonly proposals = new Map<string, StatementOf<'proposal'>>();
  /** Proposals that change the rules, by epoch. */
  readonly changes = new Map<number, StatementOf<'proposal'>[]>();
  /** Proposals by what they would change. */
  readonly #bySlot = new Map<string, string[]>();
  readonly fences = new Map<string, StatementOf<'fence'>[]>();
  readonly overrides: StatementOf<'override'>[] = [];
  readonly holds: StatementOf<'hold'>[] = [];
  readonly revokes: StatementOf<'revoke'>[] = [];
  readonly emergencies: StatementOf<'proposal'>[] = [];
  readonly withdrawals = new Map<string, StatementOf<'withdraw'>[]>();
  readonly homes = new Map<string, StatementOf<'home'>>();
  readonly logs = new Map<string, Log>();
  readonly #byId = new Map<string, Statement>();
  /** Ids that a kept statement rests on and that are not here. */
  readonly #wanted = new Map<string, ReadonlySet<string>>();
  /** Proposals by the version that they would replace. */
  readonly #byBase = new Map<string, string[]>();

  get(id: string): Statement | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byId.size;
  }

  get wanted(): Iterable<string> {
    return this.#wanted.keys();
  }

  isWanted(id: string): boolean {
    return this.#wanted.has(id);
  }

  /** Whether something that another key signed rests on it. */
  isNeeded({ id, kid }: Statement): boolean {
    return [...(this.#wanted.get(id) ?? [])].some((by) => by !== kid);
  }

  /** Proposals that would replace what this one decides. */
  buildingOn(proposal: string): readonly string[] {
    return this.#byBase.get(proposal) ?? [];
  }

  /** Other proposals for the same key, or for the same change of epoch. */
  rivalsOf(proposal: string, action: Action): readonly string[] {
    return (this.#bySlot.get(slotOf(action) ?? '') ?? []).filter((id) => id !== proposal);
  }

  fencesBy(kid: string, ep: number): readonly StatementOf<'fence'>[] {
    const all = [...this.fences.values()].flat();
    return all.filter((fence) => fence.kid === kid && fence.payload.ep === ep);
  }

  /** `by`: the key whose statement rests on it; absent: an epoch's end does. */
  want(id: string, by = ''): void {
    if (this.#byId.has(id)) return;
    const others = this.#wanted.get(id);
    if (others?.has(by) !== true) this.#wanted.set(id, new Set([...(others ?? []), by]));
  }

  /** What a key has signed under a number, as far as it is here. */
  idsAt(kid: string, seq: number): readonly string[] {
    return this.logs.get(kid)?.at(seq) ?? [];
  }

  /** How far a key's log is here without a gap. */
  completeTo(kid: string): number {
    return this.logs.get(kid)?.complete ?? 0;
  }

  /** The signer's clock at the end of a log; 0: nothing is here. */
  lastSaidMs(kid: string): number {
    const last = this.idsAt(kid, this.logs.get(kid)?.highest ?? 0);
    return Math.max(0, ...last.map((id) => this.get(id)?.payload.ts ?? 0));
  }

  #logOf(statement: Statement): Log {
    const known = this.logs.get(statement.kid);
    if (known !== undefined) return known;
    const log = new Log(statement.kid, statement.payload.voter);
    this.logs.set(statement.kid, log);
    return log;
  }

  add(statement: Statement): void {
    this.#byId.set(statement.id, statement);
    this.#wanted.delete(statement.id);
    const log = this.#logOf(statement);
    log.add(statement);
    const { prev, seq } = statement.payload;
    // A rival of what is here already is fetched only when an epoch's end rests on it: forks must not grow without bound.
    if (prev !== null && log.at(seq - 1).length === 0) this.want(prev, statement.kid);
    this.#index(statement);
  }

  #index(statement: Statement): void {
    switch (statement.payload.kind) {
      case 'proposal':
        return this.#addProposal(statement as StatementOf<'proposal'>);
      case 'vote':
        this.registers.addVote(statement as StatementOf<'vote'>);
        return this.#wantProposal(statement.payload.body.proposal, statement.kid);
      case 'commit':
        this.registers.addCommit(statement as StatementOf<'commit'>);
        return this.#wantProposal(statement.payload.body.proposal, statement.kid);
      case 'fence':
        return push(this.fences, statement.payload.body.change, statement as StatementOf<'fence'>);
      case 'override':
        this.overrides.push(statement as StatementOf<'override'>);
        return this.#wantProposal(statement.payload.body.proposal, statement.kid);
      case 'hold':
        this.holds.push(statement as StatementOf<'hold'>);
        return;
      case 'revoke':
        this.revokes.push(statement as StatementOf<'revoke'>);
        return;
      case 'withdraw':
        return push(this.withdrawals, statement.payload.body.proposal, statement as StatementOf<'withdraw'>);
      case 'home':
        return this.#addHome(statement as StatementOf<'home'>);
    }
  }

  #addProposal(proposal: StatementOf<'proposal'>): void {
    this.proposals.set(proposal.id, proposal);
    for (const action of proposal.payload.body.actions) {
      // An emergency action replaces no version: it lies above one.
      const slot = proposal.payload.body.type === 'emergency_action' ? undefined : slotOf(action);
      if (slot !== undefined) push(this.#bySlot, slot, proposal.id);
      if (action.op !== 'set' || action.base === GENESIS) continue;
      push(this.#byBase, action.base, proposal.id);
      this.#wantProposal(action.base, proposal.kid);
    }
    if (changesRules(proposal)) push(this.changes, proposal.payload.ep, proposal);
    if (proposal.payload.body.type === 'emergency_action') this.emergencies.push(proposal);
  }

  #wantProposal(id: string, by: string): void {
    if (this.#wanted.size < MAX_WANTED) this.want(id, by);
  }

  #addHome(home: StatementOf<'home'>): void {
    const before = this.homes.get(home.kid);
    const { seq } = home.payload;
    const newer =
      before === undefined || seq > before.payload.seq || (seq === before.payload.seq && home.id < before.id);
    if (newer) this.homes.set(home.kid, home);
  }
}

const MAX_WANTED = 4096;

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
