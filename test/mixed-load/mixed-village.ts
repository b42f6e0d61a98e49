import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient, readRunFile } from '../../node/admin/index.ts';
import { ownAgentId } from '../../src/constitution/index.ts';
import { dataFolder, ProcessNode, ROOT } from '../support/process-node.ts';
import { AMPLE } from '../support/two-nodes.ts';
import { until } from '../support/until.ts';
import { drained } from './drained.ts';
import { processesWith } from './processes.ts';
import { Starvation, waitedForProcessorMs } from './starvation.ts';

const NONCE = join(ROOT, 'test/fixtures/servers/nonce.mjs');
const READY_MS = 120_000;
/** The same for a node to end, which a node that hangs never does. */
const END_MS = 60_000;
/** How long a node that is there may take for a word, on a machine that is starved of time. */
const HANG_MS = 30_000;
/** Over how long it is looked whether a node that is to be killed is given the processor. */
const BEFORE_KILL_MS = 250;
/** What the published command tells Node. */
const AS_PUBLISHED = { nodeArgs: ['--max-semi-space-size=32'], timeoutMs: READY_MS };
/** Which servers a node hosts. `say` has replicas; the others have one home. */
const SERVERS: Readonly<Record<string, readonly string[]>> = {
  keeper: ['say'],
  founder: ['say', 'slow'],
  second: ['say', 'liar'],
  third: ['own'],
};
const MODES: Readonly<Record<string, string>> = { say: 'honest', slow: 'slow', liar: 'lying', own: 'own' };
export const ALIASES = Object.keys(MODES);

/** When a node was last not there; what was asked of it around then may fail. */
export interface Downtime {
  /** It was killed without a warning. */
  readonly killed: boolean;
  readonly fromMs: number;
  /** For how long it waited for a processor in the moment before. */
  readonly heldUpMs: number;
  toMs: number;
}

/** One node of the village through all its lives. */
export class Member {
  readonly name: string;
  node: ProcessNode;
  readonly downtimes: Downtime[] = [];
  /** The last audit entry that was looked at. */
  auditedTo = 0;
  readonly startedMs = Date.now();
  /** When it was last seen to get too little of the processor. */
  starvedMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, node: ProcessNode) {
    this.name = name;
    this.node = node;
  }

  get nodeId(): string {
    return this.node.ready.node_id;
  }

  admin(): AdminClient {
    const run = readRunFile(this.node.data);
    if (run === undefined) throw new Error(`${this.name} has no run.json`);
    return new AdminClient(run);
  }

  agentId(name: string): string {
    return ownAgentId(name, this.nodeId);
  }

  /** `expiresMs`: when it ends, as the node says. */
  async tokenFor(agent: string, ttlMs: number): Promise<{ readonly text: string; readonly expiresMs: number }> {
    const within = { signal: AbortSignal.timeout(HANG_MS) };
    const { token, expires_at: end } = await this.admin().call('token', { agent, ttl_ms: ttlMs }, within);
    return { text: token, expiresMs: Date.parse(end) };
  }

  /** Whether it left for good. */
  isGone = false;

  /** Since when it has been there without a break; infinite while it is not. */
  get upSinceMs(): number {
    return Math.max(this.startedMs, ...this.downtimes.map(({ toMs }) => toMs));
  }

  /** Whether it was there without a break since `ms`. */
  upSince(ms: number): boolean {
    return this.upSinceMs <= ms;
  }

  /**
   * How long before a kill something had ended at `toMs` that began at `fromMs`, without what the node waited for a
   * processor; negative: it had not ended; undefined: no kill has to do with it.
   */
  endedBeforeKillMs({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): number | undefined {
    const kill = this.downtimes.find((one) => one.killed && one.fromMs >= fromMs && toMs <= one.toMs);
    return kill && kill.fromMs - toMs - kill.heldUpMs;
  }
}

/** A village of four nodes that stay and guests that come and go. */
export class MixedVillage {
  readonly members = new Map<string, Member>();
  /** The file that every backend writes what it ran to. */
  readonly ran: string;
  readonly starvation = new Starvation(() => this.members.values());
  #guests = 0;
  #disturbedMs = 0;

  constructor() {
    this.ran = join(dataFolder('mixed-ran'), 'ran');
  }

  async start(): Promise<void> {
    await this.#add('founder', []);
    for (const name of ['keeper', 'second', 'third']) await this.#add(name, ['--join', await this.#invite()]);
    for (const member of this.members.values()) await this.#knowsAll(member);
  }

  get(name: string): Member {
    return this.members.get(name) as Member;
  }

  /** What the environment of every backend holds. */
  get marker(): string {
    return `RAN=${this.ran}`;
  }

  /** Since when all that a call of `alias` at `home` needs has been there, and was given the processor; infinite while it is not there. */
  quietSinceMs({ alias, home }: { readonly alias: string; readonly home: Member }): number {
    const needed = [home, ...this.homesOf(alias)];
    return Math.max(this.#disturbedMs, ...needed.map(({ upSinceMs, starvedMs }) => Math.max(upSinceMs, starvedMs)));
  }

  async killBackend(pid: number | undefined): Promise<void> {
    if (pid === undefined) return;
    this.#disturbedMs = Date.now();
    process.kill(pid, 'SIGKILL');
    await until(() => processesWith(this.marker).every((one) => one.pid !== pid));
  }

  homesOf(alias: string): Member[] {
    return [...this.members.values()].filter(({ name }) => serversOf(name).includes(alias));
  }

  /** A node that nobody knows joins, hosting one more replica. */
  async join(): Promise<Member> {
    this.#guests += 1;
    return this.#add(`guest${this.#guests}`, ['--join', await this.#invite()]);
  }

  /** Its data folder is gone with it. */
  async leave(member: Member, how: 'stop' | 'kill'): Promise<void> {
    await this.#down(member, how);
    member.isGone = true;
    this.members.delete(member.name);
    this.#disturbedMs = Date.now();
    await member.node[how](END_MS);
    this.#disturbedMs = Date.now();
  }

  forget(member: Member): void {
    rmSync(member.node.data, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Ends a node and starts it again on its data folder. */
  async restart(member: Member, how: 'stop' | 'kill'): Promise<void> {
    const downtime = await this.#down(member, how);
    await member.node[how](END_MS);
    member.node = await ProcessNode.start({ data: member.node.data, ...AS_PUBLISHED });
    downtime.toMs = Date.now();
    await this.#knowsAll(member);
    downtime.toMs = Date.now();
  }

  async stop(): Promise<void> {
    this.starvation.stop();
    await Promise.all([...this.members.values()].map(({ node }) => node.stop(END_MS)));
  }

  /** Resolves in the turn of the event loop in which the node is to be ended. */
  async #down(member: Member, how: 'stop' | 'kill'): Promise<Downtime> {
    const before = waitedForProcessorMs(member) ?? 0;
    if (how === 'kill') {
      await delay(BEFORE_KILL_MS);
      await drained();
    }
    const heldUpMs = (waitedForProcessorMs(member) ?? before) - before;
    const downtime = { killed: how === 'kill', fromMs: Date.now(), heldUpMs, toMs: Number.POSITIVE_INFINITY };
    member.downtimes.push(downtime);
    return downtime;
  }

  async #add(name: string, args: readonly string[]): Promise<Member> {
    const node = await ProcessNode.start({ name, config: this.#config(name), args, ...AS_PUBLISHED });
    const member = new Member(name, node);
    this.members.set(name, member);
    for (const agent of agentsOf(name)) {
      await member
        .admin()
        .call('agents.add', { name: agent, level: 'OPERATOR' }, { signal: AbortSignal.timeout(HANG_MS) });
    }
    return member;
  }

  #config(name: string): object {
    const server = (alias: string) => ({
      command: process.execPath,
      args: [NONCE, MODES[alias]],
      env: { RAN: this.ran },
      timeout: 5,
      ...(alias === 'own' ? { instances: 'per-agent', cacheTtlMs: 5_000 } : {}),
    });
    const mcpServers = Object.fromEntries(serversOf(name).map((alias) => [alias, server(alias)]));
    return { mcpServers, limits: AMPLE, log: { format: 'json' }, audit: { witnessEverySeconds: 5 } };
  }

  async #invite(): Promise<string> {
    const { invite } = await this.get('founder').node.json<{ invite: string }>(['invite', '--uses', '1'], {
      timeoutMs: READY_MS,
    });
    return invite;
  }

  /** Waits until an agent there is offered every server of the village. */
  async #knowsAll(member: Member): Promise<void> {
    await until(
      async () => {
        const { tools } = await member.admin().call('tools.list', {}, { signal: AbortSignal.timeout(HANG_MS) });
        return ALIASES.every((alias) => tools.some(({ name }) => name.startsWith(`${alias}__`)));
      },
      { timeoutMs: READY_MS, intervalMs: 200, what: `${member.name} lists every server` },
    );
  }
}

function serversOf(name: string): readonly string[] {
  return SERVERS[name] ?? ['say'];
}

/** Names of the agents that call at a node. */
export function agentsOf(name: string): readonly string[] {
  return name.startsWith('guest') ? ['visitor'] : ['amber', 'basil'];
}
