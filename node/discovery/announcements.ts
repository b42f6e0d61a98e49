import type { DirectoryClock, DirectoryParts } from './ports.ts';

/** Hints travel on this topic of the gossip, and under this name over the links. */
export const HINT_TOPIC = 'directory/1';
export const HINT_NOTICE = 'directory';

type Parts = Pick<DirectoryParts, 'links'> & {
  readonly host: Pick<DirectoryParts['host'], 'publish'>;
  readonly clock: DirectoryClock;
  /** What there is to tell now. */
  readonly hint: () => Uint8Array;
  /** Takes what nobody waits for. */
  readonly inBackground: (work: Promise<unknown>) => void;
  /** Aborts when discovery stops. */
  readonly signal: AbortSignal;
};

/** Gossip reaches nobody over a connection that is too young to be part of its mesh: a change is told again a little later. */
const AGAIN_AFTER_MS = [1_000, 2_000];

/** Tells the village that this node's descriptor changed: at once, again in a while, and to each peer that a link comes to stand with. */
export class Announcements {
  readonly #parts: Parts;
  #cancel: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The descriptor changed. */
  changed(): void {
    this.#parts.inBackground(this.once());
    this.#again(0);
  }

  /** Both ends say where they stand when a link opens: what changed before reached neither by it. */
  linkOpened(nodeId: string): void {
    this.#parts.links?.tell(nodeId, HINT_NOTICE, this.#parts.hint());
  }

  async once(): Promise<void> {
    const hint = this.#parts.hint();
    this.#parts.links?.notice(HINT_NOTICE, hint);
    await this.#parts.host.publish(HINT_TOPIC, hint);
  }

  stop(): void {
    this.#cancel();
  }

  #again(turn: number): void {
    this.#cancel();
    const afterMs = AGAIN_AFTER_MS[turn];
    if (afterMs === undefined || this.#parts.signal.aborted) return;
    const { clock, inBackground } = this.#parts;
    this.#cancel = clock.after(afterMs * (0.8 + 0.4 * clock.chance()), () => {
      inBackground(this.once());
      this.#again(turn + 1);
    });
  }
}
