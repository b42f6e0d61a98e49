import { canonicalJson, exactCanonicalJson, sha256Hex } from '../kernel/index.ts';
import type { ServerDefinition } from '../mcp/index.ts';

/** What of a server agents read before they use it. */
export type PartKind = 'tool' | 'prompt' | 'template' | 'resource' | 'instructions';

export interface DefinitionPart {
  readonly kind: PartKind;
  /** Of a template or a resource its URI; empty: of what the server says of itself, which is one part. */
  readonly name: string;
  /** SHA-256 of it as canonical JSON, hex; of several parts of one name, of all of them. */
  readonly hash: string;
}

type Write = (value: unknown) => string;

/** The parts of `definition`, or undefined when canonical JSON has no form for one of them. */
export function definitionParts(definition: ServerDefinition): readonly DefinitionPart[] | undefined {
  try {
    const { name } = definition.serverInfo;
    return [
      ...listedParts(definition, exactCanonicalJson),
      ...partsOf('resource', definition.resources, { nameOf: ({ uri }) => uri, write: wordsOfResource }),
      // That there is nothing to read is kept as well: it may come later.
      itself({ ...wordsOf(definition), name }, exactCanonicalJson),
    ];
  } catch {
    return undefined;
  }
}

/** The same parts as pins before version 3 had them: without resources and the server's name, and numbers rounded to doubles. */
export function earlierParts(definition: ServerDefinition): readonly DefinitionPart[] {
  return [...listedParts(definition, canonicalJson), itself(wordsOf(definition), canonicalJson)];
}

/** The definition without what its server says of itself; `alias` stands for its name. */
export function withoutWords(definition: ServerDefinition, alias: string): ServerDefinition {
  const { instructions: _, serverInfo, ...rest } = definition;
  const { title: _title, description: _description, ...info } = serverInfo;
  return { ...rest, serverInfo: { ...info, name: alias } as ServerDefinition['serverInfo'] };
}

function listedParts({ tools, prompts, resourceTemplates }: ServerDefinition, write: Write): DefinitionPart[] {
  return [
    ...partsOf('tool', tools, { nameOf: ({ name }) => name, write }),
    ...partsOf('prompt', prompts, { nameOf: ({ name }) => name, write }),
    ...partsOf('template', resourceTemplates, { nameOf: ({ uriTemplate }) => uriTemplate, write }),
  ];
}

function wordsOf({ serverInfo, instructions }: ServerDefinition): object {
  const { title = null, description = null } = serverInfo;
  return { instructions: instructions ?? null, title, description };
}

function itself(words: object, write: Write): DefinitionPart {
  return { kind: 'instructions', name: '', hash: sha256Hex(write(words)) };
}

/** What is read of a resource in a list. Counts, sizes and dates change as a matter of course, words do not. */
function wordsOfResource(resource: unknown): string {
  const { name, title, description } = resource as Readonly<Record<string, unknown>>;
  return exactCanonicalJson({ name, title, description }).replaceAll(/\d+/g, '0');
}

function partsOf<Part>(
  kind: PartKind,
  parts: readonly Part[],
  { nameOf, write }: { readonly nameOf: (part: Part) => string; readonly write: Write },
): DefinitionPart[] {
  const hashes = new Map<string, string>();
  for (const part of parts) {
    const name = nameOf(part);
    const before = hashes.get(name);
    const hash = sha256Hex(write(part));
    hashes.set(name, before === undefined ? hash : sha256Hex(`${before} ${hash}`));
  }
  return [...hashes].map(([name, hash]) => ({ kind, name, hash }));
}
