export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: Readonly<Record<string, unknown>>;
}

const WAIT_MS = 10_000;

/** Messages in the order in which they came, for one reader. */
export class Inbox {
  readonly #messages: Message[] = [];
  #wake: (() => void) | undefined;

  put(text: string): void {
    this.#messages.push(JSON.parse(text) as Message);
    this.#wake?.();
  }

  /** Takes every event of a stream until it ends, however it ends. */
  async drain(stream: AsyncIterable<{ readonly data: string }>): Promise<void> {
    try {
      for await (const { data } of stream) this.put(data);
    } catch {
      // A stream that is cut has nothing more to say: `next` reports what is missing.
    }
  }

  async next(): Promise<Message> {
    if (this.#messages.length === 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        timer = setTimeout(() => reject(new Error(`no message within ${WAIT_MS} ms`)), WAIT_MS);
      }).finally(() => clearTimeout(timer));
    }
    return this.#messages.shift() as Message;
  }
}
