import { type ChangeType, isLevel, type Level, type Permission } from '../permissions/index.ts';
import type { Constitution, PolicyValue } from './constitution.ts';

/** What is in force now: the constitution's defaults with the decisions laid over them. Immutable: a decision makes a new one. */
export interface PolicyView {
  /** 0 at genesis, one more with every decision: part of every cache key. */
  readonly version: number;
  value(key: string): PolicyValue | undefined;
  /** The matrix entry of a built-in tool; undefined: not listed, which denies. */
  permissionFor(tool: string): Permission | undefined;
  /** The level that policy gives an agent (`sage`, or `local@Q3xK9a2Z` where a decision names it); undefined: none said. */
  levelOf(agentId: string): Level | undefined;
  isEvicted(nodeId: string): boolean;
  /** `tokenId`: SHA-256 of a token's jti, hex. */
  isRevoked(tokenId: string): boolean;
}

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
  readonly #constitution: Constitution;
  readonly #decided: ReadonlyMap<string, Decided>;
  readonly #permissions = new Map<string, Permission | undefined>();
  readonly #evicted: ReadonlySet<unknown>;
  readonly #revoked: ReadonlySet<unknown>;

  constructor(constitution: Constitution, decided: ReadonlyMap<string, Decided> = new Map()) {
    this.#constitution = constitution;
    this.#decided = decided;
    this.version = [...decided.values()].reduce((sum, { version }) => sum + version, 0);
    this.#evicted = setOf(this.value('nodes.evicted'));
    this.#revoked = setOf(this.value('tokens.revoked'));
  }

  value(key: string): PolicyValue | undefined {
    const decided = this.#decided.get(key);
    return decided === undefined ? this.genesisValue(key) : decided.value;
  }

  /** What the constitution says, whatever was decided since. */
  genesisValue(key: string): PolicyValue | undefined {
    const { policy, agents } = this.#constitution;
    if (Object.hasOwn(policy, key)) return policy[key];
    const agent = key.startsWith(LEVELS_OF) ? key.slice(LEVELS_OF.length) : '';
    return Object.hasOwn(agents, agent) ? agents[agent]?.level : undefined;
  }

  /** How often `key` was decided: 0 is its genesis value. What a compare-and-set names. */
  versionOf(key: string): number {
    return this.#decided.get(key)?.version ?? 0;
  }

  /** Every key that has a value, sorted. */
  keys(): readonly string[] {
    const { policy, agents } = this.#constitution;
    const levels = Object.keys(agents).map((agent) => `${LEVELS_OF}${agent}`);
    return [...new Set([...Object.keys(policy), ...levels, ...this.#decided.keys()])].sort();
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

  /** This policy with one more decision. */
  withDecision(key: string, value: PolicyValue): Policy {
    const decided = new Map(this.#decided).set(key, { value, version: this.versionOf(key) + 1 });
    return new Policy(this.#constitution, decided);
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
const CHANGE_TYPES: readonly unknown[] = ['minor_change', 'major_change', 'critical_change'] satisfies ChangeType[];

function isChangeType(value: unknown): value is ChangeType {
  return CHANGE_TYPES.includes(value);
}

function setOf(value: PolicyValue | undefined): ReadonlySet<unknown> {
  return new Set(Array.isArray(value) ? value : []);
}
