const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;

/** Peers that hold something else than we do and nothing that we can use: asking them all over again has time. */
export class IdlePeers {
  readonly #rests = new Map<string, { readonly untilMs: number; readonly restMs: number }>();

  rests(nodeId: string, nowMs: number): boolean {
    return nowMs < (this.#rests.get(nodeId)?.untilMs ?? 0);
  }

  broughtNothing(nodeId: string, nowMs: number): void {
    const restMs = Math.min(LONGEST_REST_MS, 2 * (this.#rests.get(nodeId)?.restMs ?? FIRST_REST_MS / 2));
    this.#rests.set(nodeId, { untilMs: nowMs + restMs, restMs });
  }

  keepOnly(peers: { has(nodeId: string): boolean }): void {
    for (const nodeId of this.#rests.keys()) if (!peers.has(nodeId)) this.#rests.delete(nodeId);
  }

  /** It brought something, has the same as we do, or was admitted anew. */
  forget(nodeId: string): void {
    this.#rests.delete(nodeId);
  }
}
