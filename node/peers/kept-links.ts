import type { Clock } from '../../protocols/mcp/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

interface KeptParts {
  readonly host: Pick<MeshHost, 'admitted' | 'onAdmitted'>;
  readonly clock: Clock;
  readonly isOpen: (nodeId: string) => boolean;
  readonly open: (nodeId: string) => Promise<void>;
}

interface Kept {
  holders: number;
  retryMs: number;
  retryAt: number;
  opening: boolean;
}

/** Which peers a stream is held open to, though no call needs it now. */
export class KeptLinks {
  readonly #parts: KeptParts;
  readonly #kept = new Map<string, Kept>();
  readonly #stopListening: () => void;
  #stopped = false;

  constructor(parts: KeptParts) {
    this.#parts = parts;
    this.#stopListening = parts.host.onAdmitted(({ nodeId }) => {
      const kept = this.#kept.get(nodeId);
      if (kept !== undefined) this.#try(nodeId, kept);
    });
  }

  has(nodeId: string): boolean {
    return this.#kept.has(nodeId);
  }

  keep(nodeId: string): () => void {
    const kept = this.#kept.get(nodeId) ?? { holders: 0, retryMs: FIRST_RETRY_MS, retryAt: 0, opening: false };
    kept.holders += 1;
    this.#kept.set(nodeId, kept);
    this.#try(nodeId, kept);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      kept.holders -= 1;
      if (kept.holders === 0) this.#kept.delete(nodeId);
    };
  }

  /** A link ended: one that is kept is opened anew, at once unless the last attempt was a moment ago. */
  lost(nodeId: string): void {
    const kept = this.#kept.get(nodeId);
    if (kept !== undefined && this.#parts.clock.now() >= kept.retryAt) this.#try(nodeId, kept);
  }

  tick(now: number): void {
    for (const [nodeId, kept] of this.#kept) if (now >= kept.retryAt) this.#try(nodeId, kept);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
  }

  #try(nodeId: string, kept: Kept): void {
    if (this.#stopped || kept.opening || this.#parts.isOpen(nodeId) || !this.#parts.host.admitted().has(nodeId)) return;
    kept.opening = true;
    // Nobody waits for it: both ends are handled, and `tick` tries again.
    void this.#parts
      .open(nodeId)
      .then(
        () => {
          kept.retryMs = FIRST_RETRY_MS;
        },
        () => {
          kept.retryMs = Math.min(kept.retryMs * 2, LAST_RETRY_MS);
        },
      )
      .finally(() => {
        kept.opening = false;
        kept.retryAt = this.#parts.clock.now() + kept.retryMs;
      });
  }
}
