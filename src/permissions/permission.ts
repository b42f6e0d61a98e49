import type { Level } from './levels.ts';

export type ChangeType = 'minor_change' | 'major_change' | 'critical_change';

/** One entry of the permission matrix: what a tool asks of its caller. Source: the permission matrix of the specification. */
export interface Permission {
  readonly level: Level;
  readonly auditRequired: boolean;
  /** The call becomes a proposal of this type and runs when it is approved. */
  readonly requiresApproval?: ChangeType | undefined;
  readonly requiresJustification?: boolean | undefined;
  /** Calls per minute for one agent; undefined: only the agent's overall limit. */
  readonly ratePerMinute?: number | undefined;
  /** When present, only these agents, besides the level. */
  readonly onlyAgents?: readonly string[] | undefined;
}

export type Denial =
  | { readonly kind: 'deny'; readonly because: 'not-listed'; readonly tool: string }
  | { readonly kind: 'deny'; readonly because: 'level'; readonly needed: Level; readonly held: Level }
  | { readonly kind: 'deny'; readonly because: 'narrowed'; readonly tool: string }
  | { readonly kind: 'deny'; readonly because: 'exclusive'; readonly agents: readonly string[] };
export type Verdict = { readonly kind: 'allow'; readonly permission: Permission } | Denial;
