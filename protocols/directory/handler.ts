import type { Stream } from '@libp2p/interface';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { DIRECTORY, MAX_REQUEST_BYTES, REPLY_ROOM_BYTES, Request } from './schema.ts';

/** What a node must know to answer. Nothing here touches the network. */
export interface DirectoryDesk {
  /** Our descriptor, signed and valid for a while yet. */
  describe(): string;
  /** The definition that our descriptor names by this hash; undefined for any other hash. */
  define(hash: string): ServerDefinition | undefined;
}

/** Answers one request of an admitted peer and ends the stream. Errors: WireError, the stream aborted. */
export async function answerDirectory(stream: Stream, desk: DirectoryDesk, deadline: Deadline): Promise<void> {
  const { maxMessageBytes } = DIRECTORY;
  const wire = jsonStream(stream, { maxMessageBytes: MAX_REQUEST_BYTES, maxWrittenBytes: maxMessageBytes });
  const request = await wire.read(Request, deadline);
  const reply = request.ask === 'describe' ? { v: 1, descriptor: desk.describe() } : define(desk, request.hashes);
  await wire.write(reply, deadline);
  await wire.close(deadline);
}

/** As many of the definitions as fit into one reply, in the order asked; the asker comes back for the rest. */
function define(desk: DirectoryDesk, hashes: readonly string[]) {
  const definitions: { hash: string; definition: ServerDefinition }[] = [];
  let room = DIRECTORY.maxMessageBytes - REPLY_ROOM_BYTES;
  for (const hash of new Set(hashes)) {
    const definition = desk.define(hash);
    if (definition === undefined) continue;
    room -= Buffer.byteLength(JSON.stringify(definition));
    if (room < 0) break;
    definitions.push({ hash, definition });
  }
  return { v: 1, definitions };
}
