import { EventChannel, readEventId } from './event-channel.ts';
import type { SessionEvents } from './event-store.ts';
import type { HttpResponse } from './http-response.ts';

const MAIN = 0;
/** Notifications that found no stream: each is kept once, and only what can be said twice without harm comes this way. */
const MAX_MISSED = 512;

/** The streams of one session: the main one, for what belongs to no request, and one for each POST that became one. */
export class SessionStreams {
  readonly #events: SessionEvents | undefined;
  readonly #missed = new Set<string>();
  readonly #posts = new Map<number, EventChannel>();
  /** Whether its client knows events without data. */
  primes = false;
  #main: EventChannel | undefined;
  #posted = 0;

  /** `events` undefined: its streams die with their connections. */
  constructor(events: SessionEvents | undefined) {
    this.#events = events;
  }

  /** The main stream, while it is connected. */
  get main(): EventChannel | undefined {
    return this.#main?.connection === undefined ? undefined : this.#main;
  }

  /** Connects the main stream, with what was missed meanwhile. */
  listen(res: HttpResponse, onClose: () => void, after?: number): void {
    this.#main ??= this.#channel(MAIN);
    this.#main.connect(res, after === undefined ? { onClose } : { onClose, after });
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const text of missed) this.notify(text);
  }

  /** Tells what belongs to no request, now or when somebody listens again. */
  notify(text: string): void {
    const { main } = this;
    if (main !== undefined) main.send(Buffer.from(text));
    else if (this.#missed.size < MAX_MISSED) this.#missed.add(text);
  }

  /** Makes the response of a POST a stream. */
  open(res: HttpResponse): EventChannel {
    this.#posted += 1;
    const channel = this.#channel(this.#posted);
    for (const [number, { ended }] of this.#posts) if (ended) this.#posts.delete(number);
    this.#posts.set(channel.number, channel);
    channel.connect(res);
    return channel;
  }

  /** Goes on with the stream an event came by, after that event. False: it is not known here, or not any more. */
  resume(res: HttpResponse, lastEventId: string, onClose: () => void): boolean {
    const from = readEventId(lastEventId);
    if (from === undefined || this.#events === undefined) return false;
    const after = from.event;
    if (from.channel === MAIN) {
      this.listen(res, onClose, after);
      return true;
    }
    const channel = this.#posts.get(from.channel);
    if (channel !== undefined && !channel.ended) {
      channel.connect(res, { after, onClose });
      return true;
    }
    if (this.#events.after(from.channel, after) === undefined) return false;
    const over = new EventChannel({ number: from.channel, events: this.#events, primes: false });
    over.connect(res, { after, onClose });
    over.close();
    return true;
  }

  keepAlive(): void {
    this.#main?.keepAlive();
    for (const channel of this.#posts.values()) channel.keepAlive();
  }

  endMain(): void {
    this.#main?.connection?.end();
  }

  close(): void {
    this.#main?.close();
    for (const channel of this.#posts.values()) channel.close();
    this.#posts.clear();
    this.#missed.clear();
    this.#events?.clear();
  }

  #channel(number: number): EventChannel {
    return new EventChannel({ number, events: this.#events, primes: this.primes });
  }
}
