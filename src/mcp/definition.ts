import type { Level } from '../permissions/index.ts';

/** A tool, resource, template or prompt exactly as its server listed it: passed on unread but for the named fields. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}
export interface ResourceDefinition {
  readonly uri: string;
  readonly name: string;
  readonly [field: string]: unknown;
}
export interface ResourceTemplateDefinition {
  readonly uriTemplate: string;
  readonly name: string;
  readonly [field: string]: unknown;
}
export interface PromptDefinition {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** What a third-party server's configuration asks of callers; roles take theirs from the village's matrix instead. */
export interface ServerAccess {
  readonly level: Level;
  /** Tool name → level, where it differs. */
  readonly tools: Readonly<Record<string, Level>>;
}

/** What the operator of a third-party server says of calls of it: the server's own annotations are hints, this is not. */
export interface ServerPromises {
  /** How long a result may be reused, in milliseconds, where nothing is said of its tool; 0: not at all. */
  readonly cacheTtlMs: number;
  /** Tool name → the same for this tool alone. */
  readonly toolCacheTtlMs: Readonly<Record<string, number>>;
  /** Tools that may be called again after an unclear failure. */
  readonly idempotent: readonly string[];
  /** Every agent has an instance of its own: nothing of it is another's, whatever a result says. */
  readonly perAgent: boolean;
}

/** Everything one server offers: the body of what its node publishes, hashed as canonical JSON. */
export interface ServerDefinition {
  readonly serverInfo: { readonly name: string; readonly version: string; readonly [field: string]: unknown };
  readonly instructions?: string | undefined;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly tools: readonly ToolDefinition[];
  readonly resources: readonly ResourceDefinition[];
  readonly resourceTemplates: readonly ResourceTemplateDefinition[];
  readonly prompts: readonly PromptDefinition[];
  /** undefined for a built-in role. */
  readonly access?: ServerAccess | undefined;
  /** undefined: nothing is promised. */
  readonly promises?: ServerPromises | undefined;
}
