import type { Stream } from '@libp2p/interface';
import { runningSha256 } from '../../src/kernel/index.ts';
import { type Deadline, jsonStream, WireError } from '../wire/index.ts';
import { Answer, FOG_BLOB, PIECE_BYTES, PIECES_A_TURN } from './schema.ts';

export type Offered =
  | { readonly kind: 'found'; readonly manifest: string; readonly bytes: number }
  | { readonly kind: 'refused'; readonly because: 'unknown' | 'busy' };

/** Asks what the peer at the other end of `stream` has of `digest`: the manifest, not verified. Errors: WireError. */
export async function askManifest(stream: Stream, digest: string, deadline: Deadline): Promise<Offered> {
  const wire = jsonStream(stream, FOG_BLOB);
  await wire.write({ v: 1, kind: 'manifest', digest }, deadline);
  const answer = await wire.read(Answer, deadline);
  await wire.close(deadline);
  return answer;
}

/** Where a module goes while it comes. Nothing of it may be used before `askModule` has resolved `whole`. */
export interface ModuleSink {
  /** The module as it was asked for, by its manifest: another length is refused before the first piece. */
  readonly bytes: number;
  write(piece: Uint8Array): Promise<void>;
}

/** Reads module `digest` into `sink`, hashing on the way. Errors: WireError; WIRE_MALFORMED when it is not the module that was asked for. */
export async function askModule(
  stream: Stream,
  digest: string,
  { sink, signal }: { readonly sink: ModuleSink } & Deadline,
): Promise<{ readonly kind: 'whole' } | { readonly kind: 'refused'; readonly because: 'unknown' | 'busy' }> {
  const wire = jsonStream(stream, { ...FOG_BLOB, maxUnreadBytes: (PIECES_A_TURN + 1) * FOG_BLOB.maxMessageBytes });
  const deadline = { signal };
  await wire.write({ v: 1, kind: 'module', digest }, deadline);
  const answer = await wire.read(Answer, deadline);
  if (answer.kind === 'refused') {
    await wire.close(deadline);
    return answer;
  }
  const fail = (problem: string): never => {
    const error = new WireError('WIRE_MALFORMED', problem);
    wire.abort(error);
    throw error;
  };
  // Spec fog-blob/R4: the manifest that was judged says how long it is.
  if (answer.bytes !== sink.bytes) fail('a module of another length than its manifest says');
  const hash = runningSha256();
  let left = sink.bytes;
  for (let got = 0; left > 0; got++) {
    if (got % PIECES_A_TURN === 0) await wire.write({ v: 1, kind: 'next' }, deadline);
    const piece = await wire.readBytes(deadline);
    if (piece.length !== Math.min(left, PIECE_BYTES)) fail('a piece that does not fit');
    hash.add(piece);
    await sink.write(piece).catch((error: unknown) => {
      wire.abort(error as Error);
      throw error;
    });
    left -= piece.length;
  }
  // Spec fog-blob/R3: whoever sent it.
  if (hash.hex() !== digest) fail('a module with another hash');
  await wire.close(deadline);
  return { kind: 'whole' };
}
