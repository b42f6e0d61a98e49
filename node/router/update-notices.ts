import { type ResourceNotice, RESOURCE_TOPIC, resourceNotice } from '../../protocols/mcp/index.ts';
import type { RouterParts } from './parts.ts';

/** Changes come in bursts: what changed twice within this time is told once. */
const GATHER_MS = 20;
const AGAIN_MS = 250;
const MAX_ATTEMPTS = 20;
const MAX_WAITING = 2_048;

interface Waiting {
  readonly bodies: Map<string, Uint8Array>;
  attempts: number;
}

/** Notices on their way to peers: gathered for a moment, each at most once, and tried again while a peer does not take them. */
export class UpdateNotices {
  readonly #links: Pick<RouterParts['links'], 'tell'>;
  readonly #waiting = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(links: Pick<RouterParts['links'], 'tell'>) {
    this.#links = links;
  }

  send(peer: string, notice: ResourceNotice): void {
    const body = resourceNotice(notice);
    if (body === undefined) return; // names a resource longer than anyone could have subscribed to
    const waiting = this.#waiting.get(peer) ?? { bodies: new Map<string, Uint8Array>(), attempts: 0 };
    if (waiting.bodies.size >= MAX_WAITING) return;
    waiting.bodies.set(JSON.stringify(notice), body);
    this.#waiting.set(peer, waiting);
    this.#later(GATHER_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const [peer, waiting] of this.#waiting) this.#flush(peer, waiting);
      if (this.#waiting.size > 0) this.#later(AGAIN_MS);
    }, ms).unref();
  }

  #flush(peer: string, waiting: Waiting): void {
    for (const [key, body] of waiting.bodies) {
      if (!this.#links.tell(peer, RESOURCE_TOPIC, body)) break;
      waiting.bodies.delete(key);
      waiting.attempts = 0;
    }
    waiting.attempts += 1;
    // A peer whose link is gone has lost its leases as well.
    if (waiting.bodies.size === 0 || waiting.attempts > MAX_ATTEMPTS) this.#waiting.delete(peer);
  }
}
