import type { Socket } from 'node:net';

/** More are not kept back: clients would idle while this node works, and then this node while they do. */
const MAX_REPLIES = 16;

/**
 * Replies that are written one right after the other, at the end of the turn of the event loop in which they were made. To wake a client that
 * sleeps is most of what a write costs; one that is awake with the first reply of a batch finds the others without being woken.
 */
export class ReplyBatch {
  readonly #sockets: Socket[] = [];
  readonly #replies: (string | Uint8Array)[] = [];
  #due = false;

  /** Whoever writes to one of these sockets by other ways, or ends it, flushes first. */
  add(socket: Socket, reply: string | Uint8Array): void {
    this.#sockets.push(socket);
    this.#replies.push(reply);
    if (this.#replies.length >= MAX_REPLIES) return this.flush();
    if (this.#due) return;
    this.#due = true;
    setImmediate(this.#onTurn);
  }

  flush(): void {
    const count = this.#replies.length;
    if (count === 0) return;
    for (let at = 0; at < count; at += 1) (this.#sockets[at] as Socket).write(this.#replies[at] as string | Uint8Array);
    this.#sockets.length = 0;
    this.#replies.length = 0;
  }

  readonly #onTurn = (): void => {
    this.#due = false;
    this.flush();
  };
}
