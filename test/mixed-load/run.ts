import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '../simulation/governance/chance.ts';
import { until } from '../support/until.ts';
import { Agent } from './agent.ts';
import { checkAudits, checkMatches, checkRuns } from './audits.ts';
import { Book, type CallRecord } from './book.ts';
import { agentsOf, type Member, MixedVillage } from './mixed-village.ts';
import { type Measure, measured, shown } from './measures.ts';
import { endedWith, noneButOf, processesWith } from './processes.ts';

/** What may happen in a round, in the order of the first rounds; then by chance. */
const EVENTS = ['kill', 'join', 'backend', 'leave', 'stop', 'two', 'calm'] as const;
type Event = (typeof EVENTS)[number];
const MOVABLE = ['founder', 'second', 'third'] as const;
const ORPHAN_MS = 30_000;
/** In a run of so long the village rests twice: once its memory has settled, and at the end. */
const RESTS_FROM_MS = 10 * 60_000;
const SETTLED_MINUTES = 4;
/** A node that rests gives back what it does not need; so much is left over. */
const RESTED_SPARE_MIB = 12;
const REST_MS = 240_000;

export interface MixedLoadOptions {
  readonly seed: number;
  readonly forMs: number;
  /** How long a round lasts; one thing happens in each. */
  readonly roundMs: number;
  /** How long an agent rests between two bursts, on average. */
  readonly restMs: number;
  readonly tell: (line: string) => void;
  /** An existing folder for what the nodes logged until something was wrong. */
  readonly logsTo?: string | undefined;
}

export interface MixedLoadResult {
  readonly book: Book;
  /** What each process took after each round, by its node's name and its own id. */
  readonly lives: ReadonlyMap<string, readonly Measure[]>;
  /** The same while the village rested: what is in memory then is needed. */
  readonly rests: ReadonlyMap<string, readonly Measure[]>;
}

/** Runs a village of real processes under mixed load, and checks it from outside after every round. */
export async function mixedLoad(options: MixedLoadOptions): Promise<MixedLoadResult> {
  const run = new Run(options);
  await run.start();
  const begun = Date.now();
  const minutes = () => (Date.now() - begun) / 60_000;
  for (let round = 0; Date.now() - begun < options.forMs || round < EVENTS.length; round += 1) {
    await run.round(EVENTS[round], { minutes: minutes(), round });
    if (options.forMs >= RESTS_FROM_MS && run.rests.size === 0 && minutes() >= SETTLED_MINUTES)
      await run.rest(minutes());
  }
  if (run.rests.size > 0) await run.rest(minutes());
  await run.end();
  return run;
}

class Run implements MixedLoadResult {
  readonly book = new Book();
  readonly lives = new Map<string, Measure[]>();
  readonly rests = new Map<string, Measure[]>();
  readonly #options: MixedLoadOptions;
  readonly #chance: Chance;
  readonly #village = new MixedVillage();
  readonly #agents = new Map<Member, readonly Agent[]>();
  #hired = 0;

  constructor(options: MixedLoadOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
  }

  async start(): Promise<void> {
    await this.#village.start();
    for (const member of this.#village.members.values()) this.#hire(member);
    this.#options.tell(`up: ${[...this.#village.members.keys()].join(', ')}`);
  }

  /** One event under load; then silence, in which everything is checked. */
  async round(planned: Event | undefined, at: { readonly minutes: number; readonly round: number }): Promise<void> {
    const { roundMs, tell } = this.#options;
    const event =
      planned ?? this.#chance.weighted({ kill: 3, join: 2, leave: 2, backend: 2, stop: 1, two: 1, calm: 3 });
    const overMs = Date.now() + roundMs;
    const known = this.book.violations.length;
    const { violated } = this.book;
    let isOver = false;
    const load = (member: Member) =>
      (this.#agents.get(member) ?? []).map(async (agent) => {
        while (!isOver && !member.isGone) {
          await agent.burst([...this.#agents.values()].flat());
          await delay(this.#chance.below(2 * this.#options.restMs));
        }
      });
    const members = [...this.#village.members.values()];
    const loads = members.flatMap(load);
    await delay(this.#chance.below(roundMs / 4));
    const joined = await this.#happen(event);
    if (joined !== undefined) {
      members.push(joined);
      this.#hire(joined);
      loads.push(...load(joined));
    }
    await delay(Math.max(0, overMs - Date.now()));
    isOver = true;
    await Promise.all(loads);
    const calls = this.book.take();
    await this.#check(members, calls);
    for (const what of this.book.violations.slice(known)) tell(what);
    if (this.book.violated > violated) this.#keepLogs(at.round);
    tell(`round ${at.round} (${event}): ${calls.length} calls, ${this.book.violated} violations`);
    for (const member of this.#village.members.values())
      await this.#measure(member, { at: at.minutes, into: this.lives });
  }

  /** Waits until every node has given back what it does not need, and looks at what is left. */
  async rest(at: number): Promise<void> {
    this.#options.tell('rests');
    for (const member of this.#village.members.values()) {
      const isRested = async () => (await measured(member, at)).spareMib < RESTED_SPARE_MIB;
      const what = `${member.name} gives memory back`;
      await until(isRested, { timeoutMs: REST_MS, intervalMs: 2_000, what }).catch((error: unknown) => {
        this.book.violation(String(error)); // what the hour showed besides is not lost for it
      });
      await this.#measure(member, { at, into: this.rests });
    }
  }

  #keepLogs(round: number): void {
    const { logsTo } = this.#options;
    if (logsTo === undefined) return;
    for (const { name, node } of this.#village.members.values()) {
      writeFileSync(join(logsTo, `round-${round}-${name}.jsonl`), node.log);
    }
  }

  async #measure(
    member: Member,
    { at, into }: { readonly at: number; readonly into: Map<string, Measure[]> },
  ): Promise<void> {
    const measure = await measured(member, at);
    const life = `${member.name} ${measure.pid}`;
    into.set(life, [...(into.get(life) ?? []), measure]);
    this.#options.tell(shown(member.name, measure));
  }

  async end(): Promise<void> {
    await checkMatches([...this.#village.members.values()], this.book);
    await this.#village.stop();
    this.book.count('seconds of a node', this.#village.starvation.seconds.seen);
    this.book.count('seconds of a node starved of the processor', this.#village.starvation.seconds.starved);
    const left = await endedWith(this.#village.marker, ORPHAN_MS);
    for (const { pid, command } of left) this.book.violation(`left behind: ${pid} ${command}`);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
  }

  async #check(members: readonly Member[], calls: readonly CallRecord[]): Promise<void> {
    await checkAudits(members, calls, this.book);
    checkRuns(this.#village.ran, calls, this.book);
    const nodes = members.filter(({ isGone }) => !isGone).map(({ node }) => node.ready.pid);
    for (const { pid, command } of await noneButOf(nodes, { marker: this.#village.marker, withinMs: ORPHAN_MS })) {
      this.book.violation(`an orphan: ${pid} ${command}`);
    }
    this.book.count('looks for orphans');
    for (const member of members.filter(({ isGone }) => isGone)) {
      this.#agents.delete(member);
      this.#village.forget(member);
    }
  }

  #hire(member: Member): void {
    const agents = agentsOf(member.name).map((name) => {
      this.#hired += 1;
      const chance = new Chance(this.#options.seed * 1000 + this.#hired);
      return new Agent(name, { member, village: this.#village, book: this.book, chance });
    });
    this.#agents.set(member, agents);
  }

  /** Answers who joined by it. */
  async #happen(event: Event): Promise<Member | undefined> {
    const village = this.#village;
    const chance = this.#chance;
    const guest = [...village.members.values()].find(({ name }) => name.startsWith('guest'));
    this.book.count(`event: ${event}`);
    switch (event) {
      case 'kill':
      case 'stop':
        await village.restart(village.get(chance.pick(MOVABLE) as string), event);
        return undefined;
      case 'two':
        await Promise.all(['founder', 'second'].map((name) => village.restart(village.get(name), 'kill')));
        return undefined;
      case 'join':
        return village.join();
      case 'leave':
        if (guest !== undefined) await village.leave(guest, chance.happens(0.5) ? 'stop' : 'kill');
        return undefined;
      case 'backend':
        await village.killBackend(chance.pick(processesWith(village.marker))?.pid);
        return undefined;
      case 'calm':
        return undefined;
    }
  }
}
