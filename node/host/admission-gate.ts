import type { AdmittedPeer } from './mesh-host.ts';
import { HostError } from './host-error.ts';

export interface GateListener {
  admitted?(peer: AdmittedPeer): void;
  /** No longer admitted, or gone without ever having been. */
  left?(nodeId: string, wasAdmitted: boolean): void;
}

/** Who has proven membership, and who waits for it. The one answer to "may this peer be served or asked?". */
export class AdmissionGate {
  readonly #peers = new Map<string, AdmittedPeer>();
  /** Verified by us, its `ack` still under way: its streams wait instead of being refused. */
  readonly #verified = new Set<string>();
  readonly #waiting = new Map<string, Set<PromiseWithResolvers<AdmittedPeer>>>();
  readonly #listeners = new Set<GateListener>();

  admitted(): ReadonlyMap<string, AdmittedPeer> {
    return this.#peers;
  }

  isAdmitted(nodeId: string): boolean {
    return this.#peers.has(nodeId);
  }

  /** Whether streams of this peer may be taken: at once, or when `waitFor` resolves. */
  accepts(nodeId: string): boolean {
    return this.#peers.has(nodeId) || this.#verified.has(nodeId);
  }

  verified(nodeId: string): void {
    this.#verified.add(nodeId);
  }

  unverified(nodeId: string): void {
    this.#verified.delete(nodeId);
  }

  admit(peer: AdmittedPeer): void {
    this.#peers.set(peer.nodeId, peer);
    this.#verified.delete(peer.nodeId);
    for (const waiter of this.#take(peer.nodeId)) waiter.resolve(peer);
    for (const listener of [...this.#listeners]) listener.admitted?.(peer);
  }

  /** The same peer with what it proved later: a renewed credential. Nobody is told. */
  renew(peer: AdmittedPeer): void {
    if (this.#peers.has(peer.nodeId)) this.#peers.set(peer.nodeId, peer);
  }

  /** Takes admission away, or ends the wait for it. Answers whether the peer had been admitted. */
  drop(nodeId: string, reason: HostError): boolean {
    const had = this.#peers.delete(nodeId);
    this.#verified.delete(nodeId);
    for (const waiter of this.#take(nodeId)) waiter.reject(reason);
    for (const listener of [...this.#listeners]) listener.left?.(nodeId, had);
    return had;
  }

  /** Resolves when the peer is admitted. Errors: NOT_ADMITTED or NODE_UNREACHABLE, at the latest when `signal` fires. */
  async waitFor(nodeId: string, { signal }: { readonly signal: AbortSignal }): Promise<AdmittedPeer> {
    const known = this.#peers.get(nodeId);
    if (known !== undefined) return known;
    const waiter = Promise.withResolvers<AdmittedPeer>();
    const late = (): void =>
      waiter.reject(new HostError('NOT_ADMITTED', `no proof of membership from ${nodeId} in time`));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    const others = this.#waiting.get(nodeId) ?? new Set();
    this.#waiting.set(nodeId, others.add(waiter));
    try {
      return await waiter.promise;
    } finally {
      signal.removeEventListener('abort', late);
      others.delete(waiter);
      if (others.size === 0 && this.#waiting.get(nodeId) === others) this.#waiting.delete(nodeId);
    }
  }

  listen(listener: GateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(nodeId: string): PromiseWithResolvers<AdmittedPeer>[] {
    const waiting = [...(this.#waiting.get(nodeId) ?? [])];
    this.#waiting.delete(nodeId);
    return waiting;
  }
}
