import type { Stream } from '@libp2p/interface';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { hashDefinition, type ServerSummary } from '../../src/routing/index.ts';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { Definition, Definitions, Description, DIRECTORY, MAX_DESCRIPTOR_BYTES, MAX_SERVERS } from './schema.ts';

/** Asks the peer at the other end of `stream` what it serves: its descriptor as signed, not verified yet. Errors: WireError. */
export async function askDescribe(stream: Stream, deadline: Deadline): Promise<string> {
  const wire = jsonStream(stream, { maxMessageBytes: MAX_DESCRIPTOR_BYTES + 1_024 });
  await wire.write({ v: 1, ask: 'describe' }, deadline);
  const { descriptor } = await wire.read(Description, deadline);
  await wire.close(deadline);
  return descriptor;
}

/**
 * Asks for the definitions of `servers`, by hash: those that the peer sent, each checked against its hash and the hashes of its tools.
 * Perhaps not all: ask again for the rest. Errors: WireError, also for one definition that is not what was asked for.
 */
export async function askDefine(
  stream: Stream,
  servers: readonly ServerSummary[],
  deadline: Deadline,
): Promise<Map<string, ServerDefinition>> {
  const wire = jsonStream(stream, { maxMessageBytes: DIRECTORY.maxMessageBytes, exactNumbers: true });
  const asked = new Map(servers.slice(0, MAX_SERVERS).map((server) => [server.definitionHash, server]));
  await wire.write({ v: 1, ask: 'define', hashes: [...asked.keys()] }, deadline);
  const reply = await wire.read(Definitions, deadline);
  await wire.close(deadline);
  return new Map(reply.definitions.map(({ hash, definition }) => [hash, checked(definition, asked.get(hash))]));
}

function checked(value: unknown, summary: ServerSummary | undefined): ServerDefinition {
  if (summary === undefined) throw new WireError('WIRE_MALFORMED', 'a definition that nobody asked for');
  if (!Definition.safeParse(value).success) throw new WireError('WIRE_MALFORMED', 'a definition of another shape');
  // The value as it came, not as the schema copied it: the hash speaks of every member.
  const definition = value as ServerDefinition;
  const hashes = hashDefinition(definition);
  if (hashes?.definitionHash !== summary.definitionHash) {
    throw new WireError('WIRE_MALFORMED', 'a definition that is not what its hash says');
  }
  if (!sameMembers(hashes.toolHashes, summary.toolHashes)) {
    throw new WireError('WIRE_MALFORMED', 'tools that are not what the descriptor says');
  }
  return definition;
}

function sameMembers(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
