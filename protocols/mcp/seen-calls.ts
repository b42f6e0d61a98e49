import { CallIds } from './call-ids.ts';
import { LIMITS } from './schema.ts';

/**
 * Call ids accepted lately. Two generations: when the younger is full or as old as a delegation lives, the older is
 * forgotten, so memory is bounded and every id is known for at least one whole generation.
 */
export class SeenCalls {
  readonly #maxCalls: number;
  readonly #windowMs: number;
  #young = new CallIds();
  #old = new CallIds();
  #since: number;

  constructor(now: number, options: { readonly maxCalls?: number; readonly windowMs?: number } = {}) {
    this.#since = now;
    this.#maxCalls = options.maxCalls ?? LIMITS.replayWindowCalls;
    this.#windowMs = options.windowMs ?? LIMITS.replayWindowMs;
  }

  /** Remembers `callId`, 16 bytes; false when it is remembered already. */
  add(callId: Uint8Array, now: number): boolean {
    if (this.#old.has(callId)) return false;
    if (this.#young.size >= this.#maxCalls || now - this.#since >= this.#windowMs) {
      if (this.#young.has(callId)) return false;
      this.#old = this.#young;
      // A stream that filled one generation fills the next.
      this.#young = new CallIds(this.#old.size >= this.#maxCalls ? this.#maxCalls : 0);
      this.#since = now;
    }
    return this.#young.add(callId);
  }
}
