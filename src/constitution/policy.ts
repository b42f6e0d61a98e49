import { type ChangeType, isLevel, type Level, type Permission } from '../permissions/index.ts';
import type { Constitution, PolicyValue } from './constitution.ts';
import type { MembershipRights } from './membership.ts';
import { objectToPolicyValue, presetKeys, presetOf } from './policy-keys.ts';

/** What is in force now: the constitution's defaults with the decisions laid over them. Immutable: a decision makes a new one. */
export interface PolicyView {
  /** 0 at genesis, one more with every decision. What lies over the decisions (holds) it does not count: cache by `root`. */
  readonly version: number;
  /** Another one whenever anything in force is: part of every cache key. */
  readonly root: string;
  value(key: string): PolicyValue | undefined;
  /** The matrix entry of a built-in tool; undefined: not listed, which denies. */
  permissionFor(tool: string): Permission | undefined;
  /** The level that policy gives an agent (`sage`, or `local@Q3xK9a2Z` where a decision names it); undefined: none said. */
  levelOf(agentId: string): Level | undefined;
  isEvicted(nodeId: string): boolean;
  /** `tokenId`: SHA-256 of a token's jti, hex. */
  isRevoked(tokenId: string): boolean;
  /** Who a bare name is; undefined: nobody. A voter's key is the one it votes with. */
  agentOf(name: string): VillageAgent | undefined;
  /** Whether the name has a seat in the electorate now. */
  isVoter(name: string): boolean;
  /** Every bare name, sorted. */
  agentNames(): readonly string[];
  /** What policy leaves a node of the rights that its credential gives it. */
  rightsOf(nodeId: string): Partial<MembershipRights>;
  /** Whether tokens that the node issued count. */
  mayIssue(nodeId: string): boolean;
  /** Whether one voter holds the node back until the others have voted. It keeps its links in others' membership chains. */
  isNodeHeld(nodeId: string): boolean;
  /** Whether a hold lies on the agent, or on this token of it (SHA-256 of its jti, hex). None reaches a voter's agent. */
  isAgentHeld(agentId: string, tokenId?: string): boolean;
}

export interface VillageAgent {
  /** Raw Ed25519 key, base64url. */
  readonly key: string;
  readonly level: Level;
  readonly role: string;
}

/** What single voters hold back, and whom no hold reaches. */
interface Holds {
  readonly node: ReadonlySet<string>;
  readonly token: ReadonlySet<string>;
  readonly agent: ReadonlySet<string>;
}

/** What is in force besides decided values. */
interface Standing {
  /** SHA-256 over everything in force, hex; without it the version stands for it. */
  readonly root?: string | undefined;
  readonly held?: Holds | undefined;
  /** The electorate now with its raw keys; the constitution's at genesis. */
  readonly voters?: ReadonlyMap<string, string> | undefined;
}

const NOTHING_HELD: Holds = { node: new Set(), token: new Set(), agent: new Set() };

/** A decided value, and how often its key was decided. */
export interface Decided {
  readonly value: PolicyValue;
  readonly version: number;
}

/**
 * The policy of one village. The matrix is spelled in keys so that each part of it can be decided on its own:
 * `permissions.tools.TOOL.level`, and where they differ from the default `.audit` (true), `.approval` (none),
 * `.justification` (false) and `.only_agents` (anyone); `rates.TOOL.per_minute` (no limit of the tool's own).
 */
export class Policy implements PolicyView {
  readonly version: number;
  readonly root: string;
  readonly #constitution: Constitution;
  readonly #decided: ReadonlyMap<string, Decided>;
  readonly #unfit: ReadonlySet<string>;
  readonly #permissions = new Map<string, Permission | undefined>();
  readonly #evicted: ReadonlySet<unknown>;
  readonly #revoked: ReadonlySet<unknown>;
  readonly #held: Holds;
  readonly #voters: ReadonlyMap<string, string>;
  readonly #blocked: ReadonlySet<unknown>;

  constructor(
    constitution: Constitution,
    decided: ReadonlyMap<string, Decided> = new Map(),
    { root, held = NOTHING_HELD, voters }: Standing = {},
  ) {
    this.#constitution = constitution;
    this.#decided = decided;
    this.#unfit = unfitAmong([...decided].map(([key, { value }]) => [key, value]));
    this.version = [...decided.values()].reduce((sum, { version }) => sum + version, 0);
    this.root = root ?? `version ${this.version}`;
    this.#held = held;
    this.#voters = voters ?? new Map(Object.entries(constitution.voters));
    this.#evicted = setOf(this.value('nodes.evicted'));
    this.#revoked = setOf(this.value('tokens.revoked'));
    this.#blocked = setOf(this.value('issuers.blocked'));
  }

  /** What is in force: of the shape that `policyKey` says, or undefined. A decided value that is not leaves what was before. */
  value(key: string): PolicyValue | undefined {
    const decided = this.#unfit.has(key) ? undefined : this.#decided.get(key);
    return decided === undefined ? this.genesisValue(key) : decided.value;
  }

  /** What the constitution says, or the program where it says nothing, whatever was decided since. */
  genesisValue(key: string): PolicyValue | undefined {
    const { policy, agents } = this.#constitution;
    if (Object.hasOwn(policy, key) && !unfitAtGenesis(this.#constitution).has(key)) return policy[key];
    const agent = key.startsWith(LEVELS_OF) ? key.slice(LEVELS_OF.length) : '';
    return Object.hasOwn(agents, agent) ? agents[agent]?.level : presetOf(key);
  }

  /** Decided keys whose value no reader understands: signed past the check that proposals go through. */
  unfit(): readonly string[] {
    return [...this.#unfit].sort();
  }

  agentOf(name: string): VillageAgent | undefined {
    const { agents } = this.#constitution;
    const known = Object.hasOwn(agents, name) ? agents[name] : undefined;
    const votedIn = known === undefined ? this.value(`${KEYS_OF}${name}`) : known.key;
    const key = this.#voters.get(name) ?? votedIn;
    if (typeof key !== 'string') return undefined;
    return { key, level: this.levelOf(name) ?? known?.level ?? 'READ_ONLY', role: known?.role ?? 'agent' };
  }

  isVoter(name: string): boolean {
    return this.#voters.has(name);
  }

  agentNames(): readonly string[] {
    const votedIn = [...this.#decided.keys()].filter((key) => key.startsWith(KEYS_OF));
    const named = [...Object.keys(this.#constitution.agents), ...votedIn.map((key) => key.slice(KEYS_OF.length))];
    const names = [...named, ...this.#voters.keys()];
    return [...new Set(names)].filter((name) => this.agentOf(name) !== undefined).sort();
  }

  rightsOf(nodeId: string): Partial<MembershipRights> {
    const rights = this.value(`nodes.rights.${nodeId}`);
    return typeof rights === 'object' && rights !== null && !Array.isArray(rights)
      ? (rights as Partial<MembershipRights>)
      : {};
  }

  mayIssue(nodeId: string): boolean {
    return !this.#blocked.has(nodeId);
  }

  /** How often `key` was decided: 0 is its genesis value. What a compare-and-set names. */
  versionOf(key: string): number {
    return this.#decided.get(key)?.version ?? 0;
  }

  /** Every key that has a value, sorted. */
  keys(): readonly string[] {
    const { policy, agents } = this.#constitution;
    const levels = Object.keys(agents).map((agent) => `${LEVELS_OF}${agent}`);
    return [...new Set([...presetKeys(), ...Object.keys(policy), ...levels, ...this.#decided.keys()])].sort();
  }

  permissionFor(tool: string): Permission | undefined {
    if (this.#permissions.has(tool)) return this.#permissions.get(tool);
    const permission = this.#readPermission(tool);
    // Only tools of the matrix are kept: callers can invent names without end.
    if (permission !== undefined) this.#permissions.set(tool, permission);
    return permission;
  }

  levelOf(agentId: string): Level | undefined {
    const level = this.value(`${LEVELS_OF}${agentId}`);
    return isLevel(level) ? level : undefined;
  }

  isEvicted(nodeId: string): boolean {
    return this.#evicted.has(nodeId);
  }

  isRevoked(tokenId: string): boolean {
    return this.#revoked.has(tokenId);
  }

  isNodeHeld(nodeId: string): boolean {
    return this.#held.node.has(nodeId);
  }

  isAgentHeld(agentId: string, tokenId?: string): boolean {
    if (this.#voters.has(agentId)) return false;
    return this.#held.agent.has(agentId) || (tokenId !== undefined && this.#held.token.has(tokenId));
  }

  /** This policy with one more decision. */
  withDecision(key: string, value: PolicyValue): Policy {
    const decided = new Map(this.#decided).set(key, { value, version: this.versionOf(key) + 1 });
    return new Policy(this.#constitution, decided, { held: this.#held, voters: this.#voters });
  }

  #readPermission(tool: string): Permission | undefined {
    const of = (part: string): PolicyValue | undefined => this.value(`permissions.tools.${tool}.${part}`);
    const level = of('level');
    if (!isLevel(level)) return undefined;
    const approval = of('approval');
    const rate = this.value(`rates.${tool}.per_minute`);
    const only = of('only_agents');
    return {
      level,
      auditRequired: of('audit') !== false,
      ...(isChangeType(approval) ? { requiresApproval: approval } : {}),
      ...(of('justification') === true ? { requiresJustification: true } : {}),
      ...(typeof rate === 'number' ? { ratePerMinute: rate } : {}),
      ...(Array.isArray(only) ? { onlyAgents: only.filter((agent) => typeof agent === 'string') } : {}),
    };
  }
}

const LEVELS_OF = 'agents.levels.';
const KEYS_OF = 'agents.keys.';
const CHANGE_TYPES: readonly unknown[] = ['minor_change', 'major_change', 'critical_change'] satisfies ChangeType[];

const checked = new WeakMap<Constitution, ReadonlySet<string>>();

function unfitAtGenesis(constitution: Constitution): ReadonlySet<string> {
  const known = checked.get(constitution) ?? unfitAmong(Object.entries(constitution.policy));
  checked.set(constitution, known);
  return known;
}

/** A key that this program doesn't know may hold anything: another one may know it. */
function unfitAmong(entries: readonly (readonly [string, PolicyValue])[]): ReadonlySet<string> {
  const unfit = entries.filter(([key, value]) => objectToPolicyValue(key, value, { declared: true }) !== undefined);
  return new Set(unfit.map(([key]) => key));
}

function isChangeType(value: unknown): value is ChangeType {
  return CHANGE_TYPES.includes(value);
}

function setOf(value: PolicyValue | undefined): ReadonlySet<unknown> {
  return new Set(Array.isArray(value) ? value : []);
}
