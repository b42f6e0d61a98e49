import { CHANGE_TOPIC, changeNotice, openChangeNotice } from '../../protocols/mcp/index.ts';
import type { RouterParts } from './parts.ts';

const MAX_SERVERS = 4_096;
const MAX_PEERS = 1_024;
const AGAIN_MS = 100;
const MAX_ATTEMPTS = 50;

export interface Change {
  readonly server: string;
  /** Answers about this target are as they were. */
  readonly except?: string | undefined;
  /** For so long they may go on changing. */
  readonly unsettledMs?: number | undefined;
}

type Parts = Pick<RouterParts, 'links'>;

/** Which peers may keep answers of servers that are hosted here, and telling them when those may have changed: once, until they ask again. */
export class ChangeNotices {
  readonly #links: Parts['links'];
  readonly #readers = new Map<string, Set<string>>();
  readonly #untold = new Map<string, { readonly peer: string; readonly change: Change; attempts: number }>();
  readonly #undo: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;

  /** `heard`: a peer tells of a change; `lost`: nothing of it can be heard any more. */
  constructor(
    { links }: Parts,
    on: { readonly heard: (nodeId: string, change: Change) => void; readonly lost: (nodeId: string) => void },
  ) {
    this.#links = links;
    this.#undo = [
      links.onNotice((nodeId, topic, body) => {
        const notice = topic === CHANGE_TOPIC ? openChangeNotice(body) : undefined;
        if (notice === undefined) return;
        on.heard(nodeId, { server: notice.server, except: notice.except, unsettledMs: notice.unsettled_ms });
      }),
      links.onLost((nodeId) => {
        for (const readers of this.#readers.values()) readers.delete(nodeId);
        on.lost(nodeId);
      }),
    ];
  }

  /** A peer asks for what it may keep. */
  asked(server: string, peer: string): void {
    const readers = this.#readers.get(server) ?? new Set<string>();
    if (readers.size >= MAX_PEERS || (readers.size === 0 && this.#readers.size >= MAX_SERVERS)) this.#makeRoom();
    readers.add(peer);
    this.#readers.set(server, readers);
  }

  /** `by`: whose call it was; it knows. */
  changed(change: Change, by: string): void {
    const readers = this.#readers.get(change.server);
    if (readers === undefined) return;
    for (const peer of readers) {
      if (peer === by) continue;
      readers.delete(peer);
      this.#tell(peer, change);
    }
    if (readers.size === 0) this.#readers.delete(change.server);
  }

  close(): void {
    for (const undo of this.#undo) undo();
    clearTimeout(this.#timer);
    this.#untold.clear();
  }

  #tell(peer: string, change: Change): void {
    if (this.#links.tell(peer, CHANGE_TOPIC, bodyOf(change))) return;
    // Its stream is full, or gone: then it has forgotten by itself.
    this.#untold.set(`${peer} ${change.server}`, { peer, change, attempts: 0 });
    this.#later();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const [key, waiting] of this.#untold) {
        // By now more may have changed than the first notice would have said.
        const told = this.#links.tell(waiting.peer, CHANGE_TOPIC, bodyOf({ ...waiting.change, except: undefined }));
        waiting.attempts += 1;
        if (told || waiting.attempts > MAX_ATTEMPTS) this.#untold.delete(key);
      }
      if (this.#untold.size > 0) this.#later();
    }, AGAIN_MS).unref();
  }

  /** Peers that cannot be remembered any more are told now: they drop what they keep. */
  #makeRoom(): void {
    for (const server of [...this.#readers.keys()]) this.changed({ server }, '');
  }
}

function bodyOf({ server, except, unsettledMs }: Change): Uint8Array {
  return changeNotice({
    server,
    ...(except === undefined ? {} : { except }),
    ...(unsettledMs === undefined ? {} : { unsettled_ms: unsettledMs }),
  });
}
