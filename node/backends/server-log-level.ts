import { LOG_LEVELS, type LogLevel } from '../../src/mcp/index.ts';

const KEPT_MS = 10 * 60_000;

/** The log level of a server with one session for all: as low as the most talkative agent of the last ten minutes wants. */
export class ServerLogLevel {
  readonly #wantedAt = new Map<LogLevel, number>();
  #set: LogLevel | undefined;

  /** What the server was told; undefined: it says what it thinks fit. */
  get current(): LogLevel | undefined {
    return this.#set;
  }

  /** An agent wants `level` at `now`: the level to tell the server, where that changes. */
  want(level: LogLevel, now: number): LogLevel | undefined {
    this.#wantedAt.set(level, now);
    const lowest = LOG_LEVELS.find((each) => now - (this.#wantedAt.get(each) ?? Number.NEGATIVE_INFINITY) < KEPT_MS);
    if (lowest === this.#set) return undefined;
    this.#set = lowest;
    return lowest;
  }

  /** The server begins anew and knows nothing of it. */
  forget(): void {
    this.#set = undefined;
  }
}
