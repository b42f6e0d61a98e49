import type { Stream } from '@libp2p/interface';
import { type Deadline, type JsonStream, jsonStream } from '../wire/index.ts';
import { Ask, FOG_BLOB, MAX_ASK_BYTES, Next, PIECE_BYTES, PIECES_A_TURN } from './schema.ts';

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
      if (kind === 'module') await send(found, wire, deadline);
    }
    await wire.close(deadline);
  } catch (error) {
    wire.abort(error as Error);
    throw error;
  } finally {
    leave();
  }
}

/** Spec fog-blob/R2: as many pieces as were asked for, and no more before the next word. */
async function send(found: ShelvedModule, wire: JsonStream, deadline: Deadline): Promise<void> {
  let sent = 0;
  for await (const piece of piecesOf(found.read())) {
    if (sent % PIECES_A_TURN === 0) await wire.read(Next, deadline);
    await wire.writeBytes(piece, deadline);
    sent += 1;
  }
}

/** The same bytes in pieces of 64 KiB, the last one shorter. */
async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const piece = Buffer.alloc(PIECE_BYTES);
  let filled = 0;
  for await (const bytes of source) {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + PIECE_BYTES - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < PIECE_BYTES) continue;
      yield Uint8Array.from(piece);
      filled = 0;
    }
  }
  if (filled > 0) yield Uint8Array.from(piece.subarray(0, filled));
}
