import type { Connection } from './connection.ts';

/**
 * The session beside a connection without one, on a server that speaks both eras, for agents that have a session: what such an
 * agent says reaches the server as it is. It is opened when the first of them calls, whose call does not wait for it.
 */
export class SessionBeside {
  readonly #open: () => Promise<Connection | undefined>;
  #state: 'none' | 'opening' | 'open' | 'in vain' | 'stopped' = 'none';
  #connection: Connection | undefined;

  /** `open` never rejects; undefined: the server gives no session that would be better than none, and is not asked again. */
  constructor(open: () => Promise<Connection | undefined>) {
    this.#open = open;
  }

  /** undefined: there is none, or none yet. */
  get connection(): Connection | undefined {
    const lost = this.#state === 'open' && this.#connection?.closed === true;
    if (this.#state === 'none' || lost) this.#begin();
    return this.#state === 'open' ? this.#connection : undefined;
  }

  stop(): void {
    this.#state = 'stopped';
    this.#connection?.close();
  }

  #begin(): void {
    this.#state = 'opening';
    void this.#open().then((connection) => {
      if (this.#state === 'stopped') connection?.close();
      else this.#state = connection === undefined ? 'in vain' : 'open';
      this.#connection = connection;
    });
  }
}
