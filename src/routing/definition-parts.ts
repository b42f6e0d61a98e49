import { canonicalJson, sha256Hex } from '../kernel/index.ts';
import type { ServerDefinition } from '../mcp/index.ts';

/** What of a server agents read before they use it. Single resources are not among them: which there are changes as a matter of course. */
export type PartKind = 'tool' | 'prompt' | 'template' | 'instructions';

export interface DefinitionPart {
  readonly kind: PartKind;
  /** Of a template its URI; empty: of what the server says of itself, which is one part. */
  readonly name: string;
  /** SHA-256 of it as canonical JSON, hex; of several parts of one name, of all of them. */
  readonly hash: string;
}

/** The parts of `definition`, or undefined when canonical JSON has no form for one of them. */
export function definitionParts(definition: ServerDefinition): readonly DefinitionPart[] | undefined {
  const { serverInfo, instructions = null, tools, prompts, resourceTemplates } = definition;
  const { title = null, description = null } = serverInfo;
  try {
    return [
      ...partsOf('tool', tools, ({ name }) => name),
      ...partsOf('prompt', prompts, ({ name }) => name),
      ...partsOf('template', resourceTemplates, ({ uriTemplate }) => uriTemplate),
      // That there is nothing to read is kept as well: it may come later.
      { kind: 'instructions', name: '', hash: sha256Hex(canonicalJson({ instructions, title, description })) },
    ];
  } catch {
    return undefined;
  }
}

/** The definition without what its server says of itself. */
export function withoutWords(definition: ServerDefinition): ServerDefinition {
  const { instructions: _, serverInfo, ...rest } = definition;
  const { title: _title, description: _description, ...info } = serverInfo;
  return { ...rest, serverInfo: info as ServerDefinition['serverInfo'] };
}

function partsOf<Part>(kind: PartKind, parts: readonly Part[], nameOf: (part: Part) => string): DefinitionPart[] {
  const hashes = new Map<string, string>();
  for (const part of parts) {
    const name = nameOf(part);
    const before = hashes.get(name);
    const hash = sha256Hex(canonicalJson(part));
    hashes.set(name, before === undefined ? hash : sha256Hex(`${before} ${hash}`));
  }
  return [...hashes].map(([name, hash]) => ({ kind, name, hash }));
}
