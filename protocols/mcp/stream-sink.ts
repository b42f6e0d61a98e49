import type { Stream } from '@libp2p/interface';
import { WireError } from '../wire/index.ts';
import type { Sink } from './outbox.ts';

/** A stream's writing side. `send` throws when the stream is over already; its end is on its way then. */
export class StreamSink implements Sink {
  readonly #stream: Stream;
  readonly #onError: (error: Error) => void;

  constructor(stream: Stream, onError: (error: Error) => void) {
    this.#stream = stream;
    this.#onError = onError;
  }

  get needsDrain(): boolean {
    return this.#stream.writableNeedsDrain;
  }

  send(bytes: Uint8Array): void {
    try {
      this.#stream.send(bytes);
    } catch (error) {
      this.#onError(
        error instanceof Error ? error : new WireError('WIRE_CLOSED', 'the stream takes no more', { cause: error }),
      );
    }
  }
}
