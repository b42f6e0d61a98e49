import { exactCanonicalJson, sha256Hex, utf8 } from '../kernel/index.ts';
import { type ServerDefinition, shallowerThan } from '../mcp/index.ts';

export interface DefinitionHashes {
  readonly definitionHash: string;
  /** Tool name → hash. */
  readonly toolHashes: Readonly<Record<string, string>>;
  /** Bytes of the definition as canonical JSON, numbers as they are written. */
  readonly bytes: number;
}

/** Deep enough for any schema that an agent can read; more would only exhaust somebody's stack. */
const MAX_DEPTH = 64;

/**
 * The hashes by which `definition` is known, also where two differ in no more than a number that no double holds; undefined when canonical JSON has no form for it (too deep, broken
 * text).
 */
export function hashDefinition(definition: ServerDefinition): DefinitionHashes | undefined {
  if (!shallowerThan(definition, MAX_DEPTH)) return undefined;
  try {
    const canonical = utf8(exactCanonicalJson(definition));
    const toolHashes = Object.fromEntries(
      definition.tools.map((tool) => [tool.name, sha256Hex(exactCanonicalJson(tool))]),
    );
    return { definitionHash: sha256Hex(canonical), toolHashes, bytes: canonical.length };
  } catch {
    return undefined;
  }
}
