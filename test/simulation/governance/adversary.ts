import {
  type Action,
  type Choice,
  GENESIS,
  type PayloadOf,
  type Statement,
  type StatementKind,
} from '../../../src/governance/index.ts';
import { Violation } from './checks.ts';
import type { SimNode } from './node.ts';
import { KEYS, proofOf, signStatement, type VoterKey } from './village.ts';
import type { World } from './world.ts';

/** What a traitor signs: contradictions, repeats and strays, each sent to some, in a log that forks. */
export function betray(world: World): void {
  const node = world.node(world.traitor ?? '');
  const now = node.ledger.epoch().ep;
  const way = world.chance.weighted({ contradict: 6, contradictTwice: 3, repeat: 3, stray: 3 });
  const known = world.chance.pick(node.ledger.proposals().filter(({ ep }) => ep === now || way === 'stray'));
  if (known === undefined) return;
  const entry = world.chance.pick(node.ledger.policy().overlay);
  const onEntry = entry !== undefined && world.chance.happens(0.3);
  const about = onEntry ? { proposal: entry.id, ratifies: true as const } : { proposal: known.id };
  const values = {
    contradict: ['approve', 'reject'],
    contradictTwice: ['approve', 'reject', 'abstain'],
    repeat: ['approve', 'approve'],
    stray: ['approve'],
  }[way] as Choice[];
  for (const value of values) {
    world.advance(1);
    const statement = node.draft('commit', { ...about, value }, world.nowMs);
    const key = node.key();
    if (statement === undefined || key === undefined) return;
    const strayed =
      way === 'stray'
        ? signStatement(key, {
            ...statement.payload,
            ep: world.chance.happens(0.5) ? now : world.chance.below(now + 2),
          })
        : statement;
    world.checks.signed(strayed, world.nowMs);
    const some = world.nodes.filter(() => world.chance.happens(0.5));
    world.publish({ name: '' }, strayed, some.length === 0 ? world.nodes : some);
  }
  world.count(`equivocation ${way}`);
}

/** In a later epoch it approves what an earlier one dropped: a note of its own that nobody settled. */
export function strayNote(world: World): void {
  const node = world.nodes.find(({ name }) => name === world.traitor);
  if (node?.key() === undefined) return;
  const own = node.ledger
    .proposals()
    .filter(({ proposer, body }) => proposer === node.name && body.type === 'minor_change');
  const dropped = own.find(({ outcome }) => outcome === 'dropped');
  if (dropped !== undefined && world.act(node, 'commit', { proposal: dropped.id, value: 'approve' }) !== undefined)
    world.count('commit of another epoch');
  if (own.some(({ outcome }) => outcome === 'open')) return;
  const base = node.ledger.policy().entries.get('note.a')?.base ?? GENESIS;
  const actions: Action[] = [{ op: 'set', key: 'note.a', base, value: world.chance.below(100) }];
  world.act(node, 'proposal', { type: 'minor_change', title: 'a note', description: '', actions, deadline: 0 });
}

/** Whoever has keys that were replaced signs on in the epoch that they belonged to, perhaps with the traitor's help. */
export function forge(world: World): void {
  const { chance } = world;
  const at = chance.pick(world.nodes.filter(({ ledger }) => ledger.epoch().ep > 0));
  const closed = chance.pick(at?.ledger.epochs().slice(0, -1) ?? []);
  if (at === undefined || closed?.end === undefined) return;
  const held = [...closed.rules.kids].flatMap(([voter, kid]) => (KEYS[voter] ?? []).filter((key) => key.kid === kid));
  const stolen = held.filter(({ voter, kid }) => isRetired(world.node(voter), kid, closed.ep));
  const helper = held.filter(({ voter, kid }) => voter === world.traitor && !stolen.some((one) => one.kid === kid));
  if (stolen.length === 0 || stolen.length + helper.length >= held.length) return;
  const forger = new Forger(world, { at, ep: closed.ep, forks: chance.happens(0.5) });
  const thieves = [...stolen, ...helper];
  const [first] = thieves as [VoterKey];
  const period = closed.rules.periodMs;
  const propose = (type: 'minor_change' | 'major_change' | 'critical_change', action: Action): string =>
    forger.sign(first, 'proposal', {
      type,
      title: 'forged',
      description: '',
      actions: [action],
      deadline: forger.nextTs(first) + period[type],
    }).id;
  const approve = (proposal: string): void => {
    for (const thief of thieves) forger.sign(thief, 'commit', { proposal, value: 'approve' });
  };
  const ways = { note: 2, complete: 2, plan: thieves.length > 1 ? 2 : 0, removal: thieves.length > 1 ? 6 : 0 };
  const way = chance.weighted(ways);
  const base = chance.happens(0.5) ? GENESIS : (at.ledger.policy().entries.get('note.a')?.base ?? GENESIS);
  if (way === 'note') approve(propose('minor_change', { op: 'set', key: 'note.a', base, value: 666 }));
  if (way === 'plan') approve(propose('major_change', { op: 'set', key: 'plan.a', base: GENESIS, value: 666 }));
  if (way === 'complete') {
    const dropped = at.ledger.proposals().filter((one) => one.ep === closed.ep && one.outcome === 'dropped');
    approve(chance.pick(dropped)?.id ?? propose('minor_change', { op: 'set', key: 'note.a', base, value: 667 }));
  }
  if (way === 'removal')
    removeWho(closed.rules.kids, { thieves, forger, propose, approve, base: closed.base, ep: closed.ep });
  for (const thief of helper.length > 0 ? thieves : []) {
    forger.sign(thief, 'fence', { change: closed.end.change, heads: forger.heads(), without: closed.end.without });
  }
  forger.handOut();
  world.count(`forgery ${way}${helper.length > 0 ? ' with help' : ''}`);
}

function isRetired({ ledger }: SimNode, kid: string, ep: number): boolean {
  return ledger.epoch().ep > ep && ![...ledger.epoch().rules.kids.values()].includes(kid);
}

interface Removal {
  readonly thieves: readonly VoterKey[];
  readonly forger: Forger;
  readonly propose: (type: 'critical_change', action: Action) => string;
  readonly approve: (proposal: string) => void;
  readonly base: string;
  readonly ep: number;
}

/** The thieves give the seat of who is left to a key of theirs. */
function removeWho(kids: ReadonlyMap<string, string>, { thieves, forger, propose, approve, base, ep }: Removal): void {
  const voter = [...kids.keys()].find((name) => !thieves.some((thief) => thief.voter === name));
  const key = KEYS[voter ?? '']?.find(({ kid }) => ![...kids.values()].includes(kid));
  if (voter === undefined || key === undefined) return;
  const action = { op: 'recover', base, voter, key: key.x, proof: proofOf(key, ep) } as const;
  const intent = propose('critical_change', { ...action, intent: null });
  approve(intent);
  const final = propose('critical_change', { ...action, intent });
  approve(final);
  for (const thief of thieves) forger.sign(thief, 'fence', { change: final, heads: forger.heads(), without: null });
}

/** Signs with keys that are in other hands: on from where each log ended, or from its beginning. */
class Forger {
  readonly #world: World;
  readonly #from: { readonly at: SimNode; readonly ep: number; readonly forks: boolean };
  readonly #signed: Statement[] = [];
  readonly #ends = new Map<string, { seq: number; prev: string | null; ts: number }>();

  constructor(world: World, from: { readonly at: SimNode; readonly ep: number; readonly forks: boolean }) {
    this.#world = world;
    this.#from = from;
  }

  /** To some of the nodes, who pass it on. */
  handOut(): void {
    const { nodes, chance } = this.#world;
    const to = nodes.filter(({ up }) => up && chance.happens(0.5));
    for (const node of to) for (const statement of this.#signed) this.#world.give(node, statement);
  }

  heads(): string[] {
    return [...this.#ends.values()].flatMap(({ prev }) => prev ?? []);
  }

  nextTs(key: VoterKey): number {
    return this.#endOf(key).ts + 1;
  }

  sign<K extends StatementKind>(key: VoterKey, kind: K, body: PayloadOf<K>['body']): Statement {
    const { checks, nowMs, traitor } = this.#world;
    const { seq, prev, ts } = this.#endOf(key);
    const fixed = { v: 1, net: this.#world.net, ep: this.#from.ep, kind, voter: key.voter };
    const statement = signStatement(key, { ...fixed, seq: seq + 1, prev, ts: ts + 1, body } as never);
    this.#ends.set(key.kid, { seq: seq + 1, prev: statement.id, ts: ts + 1 });
    checks.forged(statement);
    if (key.voter === traitor) checks.signed(statement, nowMs);
    this.#signed.push(statement);
    return statement;
  }

  #endOf({ kid }: VoterKey): { seq: number; prev: string | null; ts: number } {
    const known = this.#ends.get(kid);
    if (known !== undefined) return known;
    const { at, forks } = this.#from;
    const last = forks ? undefined : at.ledger.since(kid, { after: 0, limit: Number.MAX_SAFE_INTEGER }).at(-1);
    return {
      seq: last?.payload.seq ?? 0,
      prev: last?.id ?? null,
      ts: Math.max(this.#world.nowMs, last?.payload.ts ?? 0),
    };
  }
}

const LIES = {
  forged: ({ token }) => `${token.slice(0, -80)}${'A'.repeat(80)}`,
  'signed by another': ({ payload }, world) => {
    const other = world.chance.pick(
      Object.values(KEYS)
        .flat()
        .filter(({ voter }) => voter !== payload.voter),
    );
    const key = KEYS[payload.voter]?.[0];
    if (other === undefined || key === undefined) return '';
    const [head = ''] = signStatement(key, payload).token.split('.');
    const [, body = '', signature = ''] = signStatement(other, payload).token.split('.');
    return `${head}.${body}.${signature}`;
  },
  foreign: ({ payload, kid }) => {
    const key = KEYS[payload.voter]?.find((one) => one.kid === kid);
    return key === undefined ? '' : signStatement(key, { ...payload, net: 'f'.repeat(64) }).token;
  },
  replayed: ({ token }) => token,
  respelled: ({ token }, world) =>
    world.chance.pick([`${token}=`, ` ${token}`, `${token}\n`, otherSpelling(token)]) ?? '',
  oversized: ({ token }) => token + 'A'.repeat(70_000),
} satisfies Record<string, (known: Statement, world: World) => string>;

/** S8: a node is handed what looks like a statement and is none, or none of this village, or one that it has. */
export function lie(world: World): void {
  const node = world.chance.pick(world.nodes.filter(({ up }) => up));
  const known = world.chance.pick(node?.disk ?? []);
  const what = world.chance.pick(Object.keys(LIES)) as keyof typeof LIES;
  if (node === undefined || known === undefined) return;
  const token = LIES[what](known, world);
  const before = { size: node.ledger.size, root: node.ledger.policy().root };
  const { kind } = node.ledger.ingest(token);
  const { size } = node.ledger;
  const expected = what === 'replayed' ? 'known' : 'refused';
  if (token !== '' && kind !== expected) throw new Violation('S8', `${node.name} answers ${kind} to what is ${what}`);
  if (size !== before.size || node.ledger.policy().root !== before.root)
    throw new Violation('S8', `${node.name} is changed by what is ${what}`);
  world.count(`lie ${what}`);
}

/** The last character of 64 bytes in base64url carries four bits that mean nothing. */
function otherSpelling(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1) ?? 'A');
  return token.slice(0, -1) + alphabet[last ^ 1];
}
