import { type FrameHeader, type LinkParts, type MuxedStream, writesOn } from './link-parts.ts';
import { behindLength } from './noise-crypto.ts';

const DATA = 0;
const HEADER_BYTES = 12;
const MAX_TEXT_BYTES = 0xffff - 16;

/** Frames are put together here and are gone, sealed, before the next. */
const text = Buffer.allocUnsafeSlow(MAX_TEXT_BYTES);

/**
 * Seals what `stream` sends in one message, header and data together, and gives it to the transport in one piece. What is more than a message,
 * or comes while something waits, goes libp2p's way.
 */
export function shortWrites(stream: MuxedStream, { muxer, sealed, raw }: LinkParts): void {
  const send = stream.sendFrame;
  stream.sendFrame = (header, data) => {
    if (header.type !== DATA || data === undefined || HEADER_BYTES + data.byteLength > MAX_TEXT_BYTES) {
      return send(header, data);
    }
    if (!writesOn(sealed)) return send(header, data);
    let end = writeHeader(header);
    for (const part of data) {
      text.set(part, end);
      end += part.length;
    }
    let takesMore: boolean;
    try {
      takesMore = raw.send(behindLength(sealed.handshake.encrypt(text.subarray(0, end))));
    } catch (error) {
      // As the connection does with what it can't send.
      sealed.abort(error as Error);
      throw error;
    }
    if (!takesMore) {
      sealed.writableNeedsDrain = true;
      for (const each of muxer.streams) each.onMuxerNeedsDrain();
    }
    return takesMore;
  };
}

function writeHeader({ type, flag, streamID, length }: FrameHeader): number {
  text[0] = 0;
  text[1] = type;
  text.writeUInt16BE(flag, 2);
  text.writeUInt32BE(streamID, 4);
  return text.writeUInt32BE(length, 8);
}
