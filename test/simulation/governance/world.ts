import {
  type PayloadOf,
  signingObstacle,
  type Statement,
  type StatementKind,
  type StatementOf,
  type Switches,
} from '../../../src/governance/index.ts';
import type { Chance } from './chance.ts';
import { Checks } from './checks.ts';
import { type Faults, SimNode } from './node.ts';
import { BORN_MS, DAY_MS, HOUR_MS, NET, VOTERS } from './village.ts';

/** Rules of the machinery around the ledger that can be switched off. */
export type DiskRule = 'own-log-first' | 'persist-first' | 'sync-forwards' | 'own-disk' | 'journal-first';

export interface WorldOptions {
  readonly faults: Faults;
  readonly disk: ReadonlySet<DiskRule>;
  readonly chance: Chance;
  /** A voter who signs whatever helps it. */
  readonly traitor: string | undefined;
}

interface Message {
  readonly from: string;
  readonly to: SimNode;
  readonly statement: Statement;
}

/** Nodes, a network that loses, repeats and reorders, and a clock that the script moves. */
export class World {
  readonly chance: Chance;
  readonly checks: Checks;
  readonly nodes: readonly SimNode[];
  readonly voters: readonly SimNode[];
  readonly traitor: string | undefined;
  readonly net = NET;
  /** Rules of the ledger that are switched off. */
  readonly off: Switches;
  readonly final = new Set<string>();
  readonly counts = new Map<string, number>();
  /** The traitor signs no fence. */
  stubborn = false;
  /** Nothing breaks any more. */
  calm = false;
  readonly gone = new Set<SimNode>();
  nowMs = BORN_MS + HOUR_MS;
  readonly #options: WorldOptions;
  readonly #net: Message[] = [];
  readonly #cut = new Set<string>();
  readonly #copies = new Map<string, readonly Statement[]>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.chance = options.chance;
    this.off = options.faults.ledger;
    this.traitor = options.traitor;
    this.nodes = [...VOTERS, 'observer', 'joiner'].map((name) => new SimNode(name, options.faults));
    this.voters = this.nodes.filter(({ voter }) => voter !== undefined);
    this.checks = new Checks(options.traitor);
    for (const node of this.nodes) for (const other of this.nodes) if (other !== node) node.heard.add(other.name);
    for (const node of this.nodes) if (this.chance.happens(0.3)) node.skewMs = this.chance.between(-DAY_MS, DAY_MS);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  node(name: string): SimNode {
    return this.nodes.find((node) => node.name === name) as SimNode;
  }

  maySign(node: SimNode): boolean {
    if (!node.up || node.halted) return false;
    return node.heard.size >= node.mustHear || this.#options.disk.has('own-log-first');
  }

  /** Signs, stores and sends; a crash may come between any two of these. */
  act<K extends StatementKind>(node: SimNode, kind: K, body: PayloadOf<K>['body']): Statement | undefined {
    if (!this.maySign(node) || signingObstacle(node.voter ?? '', node) === 'frozen') return undefined;
    const statement = node.draft(kind, body, this.nowMs);
    if (statement !== undefined) this.#sendOwn(node, statement);
    return statement;
  }

  #sendOwn(node: SimNode, statement: Statement): void {
    const crash = !this.calm && this.chance.happens(0.04);
    const moment = this.chance.below(3);
    if (crash && moment === 0) return this.crash(node); // signed, and neither stored nor sent: nobody ever sees it
    if (this.#options.disk.has('persist-first') && crash) {
      this.publish(node, statement);
      this.checks.signed(statement, this.nowMs);
      return this.crash(node); // sent, and forgotten
    }
    this.checks.signed(statement, this.nowMs);
    node.keep(statement, this.nowMs);
    if (crash && moment === 1) {
      this.count('crash between storing and sending');
      return this.crash(node);
    }
    this.publish(node, statement);
    this.checks.after(node, this.nowMs);
    if (crash) this.crash(node);
  }

  publish(from: { name: string }, statement: Statement, to: readonly SimNode[] = this.nodes): void {
    for (const node of to) if (node.name !== from.name) this.#net.push({ from: from.name, to: node, statement });
  }

  /** Lets every voter's node sign what its rules say, until none has more. */
  tick(): void {
    for (const node of this.voters) {
      for (let budget = 20; budget > 0 && this.maySign(node); budget -= 1) {
        const statement = node.next(this.nowMs, this.final);
        if (statement === undefined) break;
        if (statement.payload.kind === 'fence') {
          if (this.stubborn && node.name === this.traitor) break;
          this.count(statement.payload.body.without === null ? 'fence' : 'fence without one voter');
        }
        if (statement.payload.kind === 'commit') {
          this.#countCommit(statement.payload.body);
          if (node.name !== this.traitor) this.checks.justified(node, statement as StatementOf<'commit'>, this);
        }
        this.#sendOwn(node, statement);
      }
    }
  }

  #countCommit(body: PayloadOf<'commit'>['body']): void {
    this.count('commit');
    if (body.because !== undefined) this.count(`commit ${body.because}`);
    if (body.ratifies === true) this.count('commit on an overlay entry');
  }

  deliver(): void {
    const at = this.chance.below(this.#net.length);
    const message = this.#net[at];
    if (message === undefined) return;
    if (!this.chance.happens(0.15)) this.#net.splice(at, 1);
    else this.count('repeated message');
    const { from, to, statement } = message;
    if (!to.up || this.#cut.has(`${from} ${to.name}`) || this.chance.happens(0.1)) return this.count('lost message');
    this.give(to, statement);
  }

  give(to: SimNode, statement: Statement): void {
    to.take(statement, this.nowMs);
    this.perform(to);
    this.checks.after(to, this.nowMs);
  }

  /** One node asks another for what it lacks, and for what it knows by name. */
  sync(to: SimNode, from: SimNode, limit = Number.MAX_SAFE_INTEGER): void {
    if (!to.up || !from.up || this.#cut.has(`${from.name} ${to.name}`)) return;
    const wanted = to.ledger.wanted().flatMap((id) => from.ledger.get(id) ?? []);
    const has = from.disk.filter(({ id }) => !to.ledger.has(id));
    const forwarded = this.#options.disk.has('sync-forwards')
      ? has.filter((one) => one.payload.voter === from.voter)
      : has;
    const batch = forwarded.slice(0, limit);
    for (const statement of [...wanted, ...batch]) this.give(to, statement);
    if (batch.length === has.length) to.heard.add(from.name);
  }

  /** S9: what was approved is done: written down that it is begun, done, written down that it ended, with a crash between any two. */
  perform(node: SimNode): void {
    const unsafe = this.#options.disk.has('journal-first');
    for (const { id, nonce } of node.callsToBegin()) {
      const crashAt = !this.calm && this.chance.happens(0.1) ? this.chance.below(3) : undefined;
      if (crashAt === 0) return this.crash(node);
      if (!unsafe) node.begin(id, nonce);
      if (crashAt === 1) return this.crash(node);
      this.checks.effect(node, { id, nonce });
      this.count('call made');
      if (crashAt === 2) {
        this.count('call interrupted');
        return this.crash(node);
      }
      if (unsafe) node.begin(id, nonce);
    }
  }

  advance(ms: number): void {
    this.nowMs += ms;
  }

  crash(node: SimNode): void {
    this.count('crash');
    const before = this.checks.standOf(node);
    const forgetsOwn = this.#options.disk.has('own-disk');
    node.restart(this.nowMs, forgetsOwn ? node.disk.filter(({ payload }) => payload.voter !== node.voter) : node.disk);
    if (!forgetsOwn) this.checks.restarted(node, before);
    node.up = !this.gone.has(node) && !this.chance.happens(0.5);
  }

  /** Unless it is gone for longer. */
  wake(node: SimNode): void {
    if (!this.gone.has(node)) node.up = true;
  }

  vanish(node: SimNode): void {
    this.count('voter gone for days');
    this.gone.add(node);
    node.up = false;
  }

  copy(node: SimNode): void {
    this.#copies.set(node.name, [...node.disk]);
  }

  restore(node: SimNode): void {
    const copy = this.#copies.get(node.name);
    if (copy === undefined) return;
    this.count('restore from an older copy');
    this.checks.forget(node);
    // Its connections end with it. What reached nobody is gone, and nobody can hold it against the voter.
    for (let at = this.#net.length - 1; at >= 0; at -= 1)
      if (this.#net[at]?.from === node.name) this.#net.splice(at, 1);
    const others = this.nodes.filter((other) => other !== node);
    const kept = new Set(copy.map(({ id }) => id));
    for (const statement of node.disk) {
      const isLost = !kept.has(statement.id) && !others.some(({ ledger }) => ledger.has(statement.id));
      if (isLost) this.checks.unsigned(statement);
    }
    node.restart(this.nowMs, copy);
    node.mustHear = others.length;
    node.up = !this.gone.has(node);
  }

  /** Cuts the village in two, or one way only. */
  cut(): void {
    this.count('partition');
    const side = new Set(this.nodes.filter(() => this.chance.happens(0.5)));
    const oneWay = this.chance.happens(0.3);
    for (const one of this.nodes) {
      for (const other of this.nodes) {
        if (side.has(one) === side.has(other)) continue;
        if (!oneWay || side.has(one)) this.#cut.add(`${one.name} ${other.name}`);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Everything is up, connected, and told everything. */
  settle(): void {
    this.calm = true;
    this.heal();
    this.gone.clear();
    for (const node of this.nodes) this.wake(node);
    for (let round = 0; round < 12; round += 1) {
      let moved = 0;
      for (const to of this.nodes) {
        for (const from of this.nodes) {
          const before = to.ledger.size;
          if (from !== to) this.sync(to, from);
          moved += to.ledger.size - before;
        }
      }
      const before = this.checks.signatures;
      this.tick();
      if (moved === 0 && this.checks.signatures === before) return;
    }
  }
}
