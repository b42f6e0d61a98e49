import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface';

/** Bytes in one piece or in several. */
export interface Bytes extends Iterable<Uint8Array> {
  readonly byteLength: number;
}

/** What a stream of libp2p's (@libp2p/utils 7.4.1) knows of what it has still to hand on. */
export interface Conduit extends MessageStream, Pick<Stream, 'readStatus' | 'writeStatus' | 'remoteWriteStatus'> {
  readonly readBuffer: { readonly byteLength: number };
  readonly writeBuffer: { readonly byteLength: number };
  readonly sendingData: boolean;
  writableNeedsDrain: boolean;
  onData(bytes: Bytes): void;
}

/** A connection under Noise (@chainsafe/libp2p-noise 17.0.0), over the transport's own. */
export interface SealedConduit extends Conduit {
  readonly stream: Conduit;
  /** What came of a message that is not whole. */
  readonly decoder: { readonly buffer: { readonly byteLength: number } };
  readonly handshake: { encrypt(plain: Uint8Array): Uint8Array; decrypt(sealed: Uint8Array): Uint8Array };
}

export interface FrameHeader {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
  readonly length: number;
}

/** A stream of yamux (@libp2p/yamux 8.0.3). */
export interface MuxedStream extends Conduit, Stream {
  readonly streamId: number;
  handleData(frame: { readonly header: FrameHeader; readonly data: Uint8Array }): void;
  sendFrame(header: FrameHeader, data?: Bytes): boolean;
  onMuxerNeedsDrain(): void;
}

export interface Muxer extends StreamMuxer<MuxedStream> {
  readonly streams: MuxedStream[];
  /** What came of a frame that is not whole. */
  readonly decoder: { readonly buffer: { readonly byteLength: number } };
  onData(bytes: Uint8Array): void;
}

/** The layers of one connection, from the streams down to the transport. */
export interface LinkParts {
  readonly muxer: Muxer;
  readonly sealed: SealedConduit;
  readonly raw: Conduit;
}

/** Undefined where libp2p is not as it is expected, or where somebody else listens to what passes between the layers. */
export function linkParts(connection: MessageStream, made: StreamMuxer): LinkParts | undefined {
  const muxer = made as unknown as Muxer;
  const sealed = connection as SealedConduit & { readonly metrics?: unknown };
  const raw = sealed.stream;
  const { handshake } = sealed;
  const asExpected =
    muxer.protocol === '/yamux/1.0.0' &&
    Array.isArray(muxer.streams) &&
    typeof muxer.onData === 'function' &&
    keepsBytes(muxer.decoder?.buffer) &&
    isConduit(sealed) &&
    isConduit(raw) &&
    sealed.metrics === undefined &&
    keepsBytes(sealed.decoder?.buffer) &&
    typeof handshake?.encrypt === 'function' &&
    typeof handshake.decrypt === 'function' &&
    sealed.listenerCount('message') === 1 &&
    raw.listenerCount('message') === 1;
  return asExpected ? { muxer, sealed, raw } : undefined;
}

export function isMuxed(stream: MessageStream): stream is MuxedStream {
  const { streamId, handleData, sendFrame } = stream as Partial<MuxedStream>;
  return (
    typeof streamId === 'number' &&
    typeof handleData === 'function' &&
    typeof sendFrame === 'function' &&
    isConduit(stream as MuxedStream)
  );
}

/** Whether what comes next would be handed on at once, to the one who listens. */
export function readsOn(conduit: Conduit): boolean {
  return (
    conduit.readStatus === 'readable' &&
    conduit.remoteWriteStatus === 'writable' &&
    conduit.readBuffer.byteLength === 0 &&
    conduit.listenerCount('message') === 1
  );
}

/** Whether what is sent next would go at once. */
export function writesOn(conduit: Conduit): boolean {
  return (
    conduit.writeStatus === 'writable' &&
    !conduit.writableNeedsDrain &&
    !conduit.sendingData &&
    conduit.writeBuffer.byteLength === 0
  );
}

function isConduit(stream: Conduit | undefined): boolean {
  return (
    typeof stream?.onData === 'function' &&
    typeof stream.safeDispatchEvent === 'function' &&
    typeof stream.listenerCount === 'function' &&
    typeof stream.sendingData === 'boolean' &&
    typeof stream.writableNeedsDrain === 'boolean' &&
    keepsBytes(stream.readBuffer) &&
    keepsBytes(stream.writeBuffer)
  );
}

function keepsBytes(buffer: { readonly byteLength: number } | undefined): boolean {
  return typeof buffer?.byteLength === 'number';
}
