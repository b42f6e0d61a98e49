import { type Envelope, FOG, type FogWriter, fogWriter } from '../../protocols/fog/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';

const MAX_WAITING = 256;
/** How long the end of this node waits for a peer to take what was said to it. */
const LAST_WORDS_MS = 300;

/**
 * What waits to be sent to one peer, over one stream that is opened when needed and kept. Messages may be lost: who needs an answer asks
 * again. What is beyond the bound, and everything that waits when the peer cannot be reached, is dropped.
 */
export class Outbox {
  readonly #host: Pick<MeshHost, 'openStream'>;
  readonly #nodeId: string;
  readonly #onLost: (envelope: Envelope) => void;
  readonly #waiting: Envelope[] = [];
  readonly #stopping = new AbortController();
  #writer: FogWriter | undefined;
  #isOpen: () => boolean = () => false;
  #working: Promise<void> | undefined;

  /** `onLost` hears of each message that could not be sent. */
  constructor(host: Pick<MeshHost, 'openStream'>, to: { nodeId: string; onLost: (envelope: Envelope) => void }) {
    this.#host = host;
    this.#nodeId = to.nodeId;
    this.#onLost = to.onLost;
  }

  /** False while nothing waits and no stream is open: then it may be forgotten. */
  get inUse(): boolean {
    return this.#working !== undefined || this.#isOpen();
  }

  send(envelope: Envelope): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift();
    this.#waiting.push(envelope);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Gives what waits a moment to go out. Never rejects. */
  async stop(): Promise<void> {
    const giveUp = setTimeout(() => this.#stopping.abort(), LAST_WORDS_MS);
    await this.#working;
    clearTimeout(giveUp);
    this.#stopping.abort();
    await this.#writer?.close({ signal: AbortSignal.timeout(LAST_WORDS_MS) });
  }

  async #work(): Promise<void> {
    for (let envelope = this.#waiting.shift(); envelope !== undefined; envelope = this.#waiting.shift()) {
      // An idle stream may have been ended by its reader at any time: a message is tried on a fresh one too.
      const reused = this.#isOpen();
      if (await this.#write(envelope)) continue;
      if (reused && (await this.#write(envelope))) continue;
      for (const lost of [envelope, ...this.#waiting.splice(0)]) this.#onLost(lost);
    }
  }

  async #write(envelope: Envelope): Promise<boolean> {
    try {
      await (await this.#open()).write(envelope, this.#deadline());
      return true;
    } catch {
      this.#isOpen = () => false;
      return false;
    }
  }

  async #open(): Promise<FogWriter> {
    if (this.#writer !== undefined && this.#isOpen()) return this.#writer;
    const stream = await this.#host.openStream(this.#nodeId, FOG, this.#deadline());
    this.#isOpen = () => stream.status === 'open';
    this.#writer = fogWriter(stream);
    return this.#writer;
  }

  #deadline(): { readonly signal: AbortSignal } {
    return { signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(FOG.timeoutMs)]) };
  }
}
