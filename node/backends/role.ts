import type { z } from 'zod';
import type { ResourceDefinition, ResourceTemplateDefinition } from '../../src/mcp/index.ts';
import type { BackendContext } from './backend.ts';

/** A refusal that an agent can act on. Members beside these are further detail. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** The very same call may succeed later. */
  readonly retryable: boolean;
  readonly retry_after_ms?: number | undefined;
  readonly [detail: string]: unknown;
}

export type ToolOutcome =
  | { readonly kind: 'result'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

/** How far a call is: `progress` only rises. */
export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

export interface RoleContext extends BackendContext {
  /** Tells the caller how far the call is; undefined: it did not ask to be told. */
  readonly onProgress?: ((said: Progress) => void) | undefined;
}

export interface RoleTool<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodObject;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  handle(args: z.output<Input>, context: RoleContext): ToolOutcome | Promise<ToolOutcome>;
}

export interface RoleResource extends ResourceDefinition {
  readonly mimeType: 'application/json';
  /** How long an agent may reuse what it read, in milliseconds. */
  readonly ttlMs: number;
  read(context: BackendContext): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
}

export interface RolePrompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly required: boolean }[];
  /** The text of the one user message. */
  write(args: Readonly<Record<string, string>>): string;
}

/** A built-in server: what an agent sees of it, and what it does. */
export interface Role {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly instructions: string;
  readonly tools: readonly RoleTool[];
  readonly resources: readonly RoleResource[];
  readonly templates?: readonly ResourceTemplateDefinition[] | undefined;
  /** Reads what a template names; undefined: there is no such resource. */
  readTemplate?(uri: string, context: BackendContext): Readonly<Record<string, unknown>> | undefined;
  readonly prompts: readonly RolePrompt[];
  /** `local`: each node answers its own agents. Default `mesh`. */
  readonly share?: 'mesh' | 'local' | undefined;
  /** Hears of resources that changed. Absent: they cannot be subscribed to. */
  onUpdated?(listener: (uri: string) => void): () => void;
}

/** Makes a tool whose handler sees its arguments typed as the input schema says. */
export function roleTool<Input extends z.ZodObject>(tool: RoleTool<Input>): RoleTool {
  return tool as unknown as RoleTool; // the one place where arguments are parsed is the one that calls `handle`
}

export function result(value: Readonly<Record<string, unknown>>): ToolOutcome {
  return { kind: 'result', value };
}

export function refusal(refused: Refusal): ToolOutcome {
  return { kind: 'refusal', refusal: refused };
}
