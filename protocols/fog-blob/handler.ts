import type { Stream } from '@libp2p/interface';
import { type Deadline, jsonStream } from '../wire/index.ts';
import { Ask, FOG_BLOB, MAX_ASK_BYTES } from './schema.ts';

/** A module on the shelf, verified when it was put there. */
export interface ShelvedModule {
  /** Compact JWS of its publisher. */
  readonly manifest: string;
  readonly bytes: number;
  /** All of it, in pieces of any size. */
  read(): AsyncIterable<Uint8Array>;
}

/** What a node must know to answer. Nothing here touches the network. */
export interface ModuleShelf {
  module(digest: string): Promise<ShelvedModule | undefined>;
  /** Room for one more module on its way out; undefined: there is none now. To be given back. */
  enter(): (() => void) | undefined;
}

/** Answers one request of an admitted peer and ends the stream. Errors: WireError, the stream aborted. */
export async function answerBlob(stream: Stream, shelf: ModuleShelf, deadline: Deadline): Promise<void> {
  const { maxMessageBytes } = FOG_BLOB;
  const wire = jsonStream(stream, { maxMessageBytes: MAX_ASK_BYTES, maxWrittenBytes: maxMessageBytes });
  const { kind, digest } = await wire.read(Ask, deadline);
  const leave = kind === 'module' ? shelf.enter() : () => undefined;
  if (leave === undefined) {
    await wire.write({ v: 1, kind: 'refused', because: 'busy' }, deadline);
    return wire.close(deadline);
  }
  try {
    const found = await shelf.module(digest);
    if (found === undefined) {
      await wire.write({ v: 1, kind: 'refused', because: 'unknown' }, deadline);
    } else {
      const { manifest, bytes } = found;
      await wire.write({ v: 1, kind: 'found', manifest, bytes }, deadline);
      if (kind === 'module') await send(found, (piece) => wire.writeBytes(piece, deadline));
    }
    await wire.close(deadline);
  } catch (error) {
    wire.abort(error as Error);
    throw error;
  } finally {
    leave();
  }
}

async function send(found: ShelvedModule, write: (piece: Uint8Array) => Promise<void>): Promise<void> {
  for await (const bytes of found.read()) {
    for (let at = 0; at < bytes.length; at += FOG_BLOB.maxMessageBytes) {
      await write(bytes.subarray(at, at + FOG_BLOB.maxMessageBytes));
    }
  }
}
