import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { Ask, MAX_ASK_BYTES, MAX_STATEMENTS, PAGE_ROOM_BYTES, REVOCATION } from './schema.ts';

/** A statement on the shelf, with what is needed to pass it on. */
export interface Shelved {
  /** SHA-256 of the statement, hex. */
  readonly id: string;
  readonly statement: string;
  /** The PeerId of the node that signed, or the name of the agent. */
  readonly signer: string;
}

/** What a node must know to answer. Nothing here touches the network. */
export interface RevocationShelf {
  /** SHA-256 over the ids of everything here, in order, each followed by a newline; hex. */
  digest(): string;
  /** Everything here in the order of the ids, from the first one after `id`. */
  after(id: string | undefined): Iterable<Shelved>;
  /** The membership chain of a node that signed; undefined: not known, or an agent. */
  chainOf(signer: string): readonly string[] | undefined;
}

/** Answers one request of an admitted peer and ends the stream. Errors: WireError, the stream aborted. */
export async function answerRevocations(stream: Stream, shelf: RevocationShelf, deadline: Deadline): Promise<void> {
  const { maxMessageBytes } = REVOCATION;
  const wire = jsonStream(stream, { maxMessageBytes: MAX_ASK_BYTES, maxWrittenBytes: maxMessageBytes });
  const { after, digest } = await wire.read(Ask, deadline);
  const same = digest !== undefined && digest === shelf.digest();
  await wire.write(same ? { v: 1, statements: [], chains: {} } : page(shelf, after), deadline);
  await wire.close(deadline);
}

function page(shelf: RevocationShelf, after: string | undefined) {
  const statements: string[] = [];
  const chains = new Map<string, readonly string[]>();
  let room = REVOCATION.maxMessageBytes - PAGE_ROOM_BYTES;
  let last = after;
  let next: string | undefined;
  for (const { id, statement, signer } of shelf.after(after)) {
    const chain = chains.has(signer) ? undefined : shelf.chainOf(signer);
    room -= bytesOf(statement) + (chain === undefined ? 0 : bytesOf({ [signer]: chain }));
    if (room < 0 || statements.length === MAX_STATEMENTS) {
      next = last;
      break;
    }
    statements.push(statement);
    if (chain !== undefined) chains.set(signer, chain);
    last = id;
  }
  return { v: 1, statements, chains: Object.fromEntries(chains), next };
}

/** With the comma that follows. */
function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}
