import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { expandVariables } from './expand.ts';
import { withoutForeignKeys } from './foreign-keys.ts';
import { readJson } from './json-text.ts';
import { problemsOf } from './problems.ts';
import { Config } from './schema.ts';

/** What the command line may set. */
export interface Flags {
  readonly gateway?: string | undefined;
  readonly admin?: string | undefined;
  readonly listen?: readonly string[] | undefined;
}

export interface ParseOptions {
  /** How errors call the text: its file. */
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: Flags | undefined;
}

export interface ParsedConfig {
  readonly config: Config;
  readonly notices: readonly string[];
  /** The members as written, to tell what came from the file. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly fromEnvironment: ReadonlySet<string>;
}

/** Checks the text of a configuration. Errors: CONFIG_MALFORMED, CONFIG_VARIABLE, CONFIG_INVALID, each naming every place. */
export function parseConfig(text: string, options: ParseOptions): ParsedConfig {
  const json = readJson(text);
  if (json.kind === 'broken') {
    throw new ConfigError('CONFIG_MALFORMED', `${options.name}:${json.line}:${json.column}: ${json.problem}`, {
      hint: 'the file must be plain JSON',
    });
  }
  const expanded = expandVariables(json.value, options.env);
  if (expanded.undefinedVariables.length > 0) {
    const list = expanded.undefinedVariables.map(({ path, name }) => `\`${path}\` uses \${${name}}, which is not set`);
    throw new ConfigError('CONFIG_VARIABLE', `${options.name}: ${list.join('; ')}`, {
      hint: 'set the variable, or write ${NAME:-otherwise} to give it a value where it is not',
    });
  }
  const { members, notices } = prepared(expanded.value, options.name);
  const flags = defined(options.flags ?? {});
  const checked = Config.safeParse({ ...members, ...flags });
  if (!checked.success) throw invalid(checked.error.issues, { name: options.name, flags });
  return { config: settled(checked.data), notices, written: members, fromEnvironment: expanded.fromEnvironment };
}

/** Says of each value where it was given: on the command line, or in the file. */
function invalid(
  issues: readonly z.core.$ZodIssue[],
  { name, flags }: { readonly name: string; readonly flags: Readonly<Record<string, unknown>> },
): ConfigError {
  const isFlag = ({ path }: z.core.$ZodIssue) => Object.hasOwn(flags, String(path[0]));
  const ofFlags = issues.filter(isFlag).map(({ path, message }) => `--${String(path[0])}: ${message}`);
  const ofFile = problemsOf(issues.filter((issue) => !isFlag(issue)));
  const problems = [...ofFlags, ...(ofFile.length === 0 ? [] : [`${name}: ${ofFile.join('; ')}`])];
  const hint = ofFile.length === 0 ? 'see --help' : 'village.schema.json describes every key';
  return new ConfigError('CONFIG_INVALID', problems.join('; '), { hint });
}

/** The members with `servers` merged into `mcpServers` and the keys of other clients taken out. */
function prepared(value: unknown, name: string): { members: Record<string, unknown>; notices: string[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError('CONFIG_INVALID', `${name}: the configuration must be a JSON object`);
  }
  const { servers, mcpServers, ...members } = value as Record<string, unknown>;
  const notices: string[] = [];
  const clean = (block: string, entries: unknown) => {
    const cleaned = withoutForeignKeys(block, entries);
    notices.push(...cleaned.notices);
    return cleaned.servers;
  };
  const [first, second] = [clean('mcpServers', mcpServers), clean('servers', servers)];
  if (isBlock(first) && isBlock(second)) {
    const twice = Object.keys(second).find((alias) => Object.hasOwn(first, alias));
    if (twice !== undefined)
      throw new ConfigError('CONFIG_INVALID', `${name}: \`${twice}\` stands in both \`mcpServers\` and \`servers\``);
    return { members: { ...members, mcpServers: { ...first, ...second } }, notices };
  }
  if (isBlock(second) && first === undefined) return { members: { ...members, mcpServers: second }, notices };
  return { members: { ...members, ...defined({ mcpServers: first, servers: second }) }, notices };
}

/** Where another client's word says the same as ours, ours is set. */
function settled(config: Config): Config {
  const entries = Object.entries(config.mcpServers).map(([alias, entry]) => [
    alias,
    { ...entry, enabled: entry.enabled && entry.disabled !== true },
  ]);
  return { ...config, mcpServers: Object.fromEntries(entries) };
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defined(members: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
