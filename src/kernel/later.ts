/** There already, or to be waited for: who is on the way of every call looks before it waits. */
export type Awaitable<T> = T | Promise<T> | Later<T>;

/**
 * A value that comes later, for one listener, who hears of it at once: inside `settle`, not after it. What many layers hand on, call after
 * call, costs a small part of what a promise in each of them does. Who awaits it, once or more, has one promise of it. A failure that nobody hears
 * is an unhandled rejection, as a promise's is.
 */
export class Later<T> implements PromiseLike<T> {
  #is: 'pending' | 'settled' | 'failed' = 'pending';
  #value: unknown;
  #next: ((value: T) => unknown) | undefined;
  #otherwise: ((error: unknown) => unknown) | undefined;
  /** What comes of what the listener answers. */
  #then: Later<unknown> | undefined;
  #promise: Promise<T> | undefined;
  #unheard: Promise<never> | undefined;

  static of<T>(value: T): Later<T> {
    const later = new Later<T>();
    later.settle(value);
    return later;
  }

  /** The first end counts. */
  settle(value: T): void {
    if (this.#is !== 'pending') return;
    this.#is = 'settled';
    this.#value = value;
    if (this.#then !== undefined) this.#tell(this.#then);
  }

  fail(error: unknown): void {
    if (this.#is !== 'pending') return;
    this.#is = 'failed';
    this.#value = error;
    if (this.#then !== undefined) this.#tell(this.#then);
    else this.#unheard = rejected(error);
  }

  /** What `next` makes of the value, or `otherwise` of a failure. Throws where somebody listens already. */
  after<U>(next: (value: T) => Awaitable<U>, otherwise?: (error: unknown) => Awaitable<U>): Later<U> {
    if (this.#then !== undefined) throw new TypeError('a Later has one listener');
    void this.#unheard?.catch(() => undefined); // it is heard now
    const then = new Later<U>();
    this.#next = next;
    this.#otherwise = otherwise;
    this.#then = then as Later<unknown>;
    if (this.#is !== 'pending') this.#tell(this.#then);
    return then;
  }

  // What makes it one that can be awaited.
  // oxlint-disable-next-line unicorn/no-thenable
  then<U = T, V = never>(
    onSettled?: ((value: T) => U | PromiseLike<U>) | null,
    onFailed?: ((error: unknown) => V | PromiseLike<V>) | null,
  ): Promise<U | V> {
    this.#promise ??= new Promise((resolve, reject) => void this.after(resolve, reject));
    return this.#promise.then(onSettled, onFailed);
  }

  #tell(then: Later<unknown>): void {
    let answer: unknown;
    try {
      if (this.#is === 'settled') answer = this.#next?.(this.#value as T);
      else if (this.#otherwise === undefined) return then.fail(this.#value);
      else answer = this.#otherwise(this.#value);
    } catch (error) {
      then.fail(error);
      return;
    }
    if (answer instanceof Later) void (answer as Later<unknown>).after(then.#settled, then.#failed);
    else if (answer instanceof Promise) void answer.then(then.#settled, then.#failed);
    else then.settle(answer as never);
  }

  get #settled(): (value: T) => void {
    return (value) => this.settle(value);
  }

  get #failed(): (error: unknown) => void {
    return (error) => this.fail(error);
  }
}

/** Whether it has to be waited for. */
export function waits<T>(value: Awaitable<T>): value is Promise<T> | Later<T> {
  return value instanceof Later || value instanceof Promise;
}

/** What `use` makes of `value`, at once where that is there; `otherwise` takes a failure of what had to be waited for. */
export function after<T, U>(
  value: Awaitable<T>,
  use: (value: T) => Awaitable<U>,
  otherwise?: (error: unknown) => Awaitable<U>,
): Awaitable<U> {
  if (value instanceof Later) return (value as Later<T>).after(use, otherwise);
  if (value instanceof Promise) return (value as Promise<T>).then(use, otherwise);
  return use(value);
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
