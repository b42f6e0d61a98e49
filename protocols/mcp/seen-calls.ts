import { LIMITS } from './schema.ts';

/**
 * Call ids accepted lately. Two generations: when the younger is full or as old as a delegation lives, the older is
 * forgotten, so memory is bounded and every id is known for at least one whole generation.
 */
export class SeenCalls {
  readonly #maxCalls: number;
  readonly #windowMs: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #since: number;

  constructor(now: number, options: { readonly maxCalls?: number; readonly windowMs?: number } = {}) {
    this.#since = now;
    this.#maxCalls = options.maxCalls ?? LIMITS.replayWindowCalls;
    this.#windowMs = options.windowMs ?? LIMITS.replayWindowMs;
  }

  /** Remembers `callId`; false when it is remembered already. */
  add(callId: Uint8Array, now: number): boolean {
    const name = Buffer.from(callId.buffer, callId.byteOffset, callId.byteLength).toString('latin1');
    if (this.#old.has(name)) return false;
    if (this.#young.size >= this.#maxCalls || now - this.#since >= this.#windowMs) {
      if (this.#young.has(name)) return false;
      this.#old = this.#young;
      this.#young = new Set();
      this.#since = now;
    }
    // One look-up both asks and adds: this is on the way of every call.
    const before = this.#young.size;
    return this.#young.add(name).size > before;
  }
}
