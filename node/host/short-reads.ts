import { type Bytes, isMuxed, type LinkParts, type MuxedStream, readsOn } from './link-parts.ts';

const LENGTH_BYTES = 2;
const TAG_BYTES = 16;
const HEADER_BYTES = 12;
/** The first four bytes of a frame of data, which opens and closes nothing: version, type and flags. */
const PLAIN_DATA = 0;

/**
 * Hands whole messages of Noise, and in them whole frames of data, straight to the stream that they are for. The rest goes libp2p's way, from the
 * first byte that is not such, and so does what follows until the layers hold nothing back.
 */
export function shortReads({ muxer, sealed, raw }: LinkParts): void {
  const onBytes = raw.onData.bind(raw);
  const onText = sealed.onData.bind(sealed);
  const onRest = muxer.onData.bind(muxer);

  const onFrames = (text: Uint8Array): void => {
    let at = 0;
    while (muxer.decoder.buffer.byteLength === 0 && text.length - at >= HEADER_BYTES) {
      if (uint32(text, at) !== PLAIN_DATA) break;
      const streamID = uint32(text, at + 4);
      const length = uint32(text, at + 8);
      const end = at + HEADER_BYTES + length;
      const stream = end > text.length ? undefined : streamOf(muxer.streams, streamID);
      if (stream === undefined) break;
      stream.handleData({
        header: { type: 0, flag: 0, streamID, length },
        data: text.subarray(at + HEADER_BYTES, end),
      });
      at = end;
    }
    if (at < text.length) onRest(text.subarray(at));
  };

  sealed.onData = (text) => {
    if (!(text instanceof Uint8Array) || !readsOn(sealed)) return onText(text);
    try {
      onFrames(text);
    } catch (error) {
      // As the muxer does with what it throws.
      muxer.abort(error as Error);
      sealed.abort(error as Error);
    }
  };

  raw.onData = (bytes) => {
    if (!(bytes instanceof Uint8Array)) return onBytes(bytes);
    let at = 0;
    while (sealed.decoder.buffer.byteLength === 0 && readsOn(raw) && bytes.length - at > LENGTH_BYTES + TAG_BYTES) {
      const end = at + LENGTH_BYTES + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (end > bytes.length || end - at < LENGTH_BYTES + TAG_BYTES) break;
      try {
        sealed.onData(sealed.handshake.decrypt(bytes.subarray(at + LENGTH_BYTES, end)) as Uint8Array & Bytes);
      } catch (error) {
        return sealed.abort(error as Error);
      }
      at = end;
    }
    if (at < bytes.length) onBytes(bytes.subarray(at) as Uint8Array & Bytes);
  };
}

function streamOf(streams: readonly MuxedStream[], streamId: number): MuxedStream | undefined {
  for (const stream of streams) if (stream.streamId === streamId) return isMuxed(stream) ? stream : undefined;
  return undefined;
}

function uint32(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return (bytes[at] as number) * 0x1000000 + low;
}
