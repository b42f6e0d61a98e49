import type { Client, McpSubscription } from '@modelcontextprotocol/client';
import { ClientError } from './client-error.ts';

type Listener = (uri: string) => void;

interface Watched {
  readonly listeners: Set<Listener>;
  /** Resolves when the node has agreed to tell of it. */
  readonly agreed: Promise<void>;
}

/** Resources that a program wants to hear of, over whichever connection there is: one stream for all in the era without sessions. */
export class ResourceWatches {
  readonly #watched = new Map<string, Watched>();
  readonly #onLost: (client: Client) => void;
  #stream: McpSubscription | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  /** `onLost` hears that the stream ended, though nobody here ended it. */
  constructor(onLost: (client: Client) => void) {
    this.#onLost = onLost;
  }

  /** Errors: those of the SDK, and RESOURCE_NOT_FOUND where the node tells nothing of it. */
  async add(client: Client, uri: string, listener: Listener): Promise<void> {
    const known = this.#watched.get(uri);
    if (known !== undefined) {
      known.listeners.add(listener);
      return known.agreed;
    }
    const agreement = Promise.withResolvers<void>();
    const watched = { listeners: new Set([listener]), agreed: agreement.promise };
    this.#watched.set(uri, watched);
    try {
      await this.#ask(client, uri);
      agreement.resolve();
    } catch (error) {
      if (this.#watched.get(uri) === watched) this.#watched.delete(uri);
      agreement.reject(error);
    }
    return agreement.promise;
  }

  /** Should the node not hear of it: it forgets with the connection. */
  async remove(client: Client, uri: string, listener: Listener): Promise<void> {
    const watched = this.#watched.get(uri);
    if (watched?.listeners.delete(listener) !== true || watched.listeners.size > 0) return;
    this.#watched.delete(uri);
    if (isStateless(client)) await this.#listen(client);
    else await client.unsubscribeResource({ uri });
  }

  /** Hears what comes on this connection. */
  attach(client: Client): void {
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => this.#tell(params.uri));
  }

  /** Goes on over a new connection. What changed in between nobody knows: each listener is told. */
  async renew(client: Client): Promise<void> {
    const uris = [...this.#watched.keys()];
    this.#stream = undefined;
    if (uris.length === 0) return;
    try {
      if (isStateless(client)) await this.#listen(client);
      else await Promise.all(uris.map((uri) => client.subscribeResource({ uri })));
    } catch {
      // Who reads it now is told why.
    }
    for (const uri of uris) this.#tell(uri);
  }

  async #ask(client: Client, uri: string): Promise<void> {
    if (!isStateless(client)) return void (await client.subscribeResource({ uri }));
    const stream = await this.#listen(client);
    if (stream?.honoredFilter.resourceSubscriptions?.includes(uri) === true) return;
    throw new ClientError('RESOURCE_NOT_FOUND', 'the node does not tell of this resource', { notStarted: true });
  }

  /** One change after the other; the new stream is there before the old one ends. */
  #listen(client: Client): Promise<McpSubscription | undefined> {
    const changed = this.#changing.then(async () => {
      const resourceSubscriptions = [...this.#watched.keys()];
      const before = this.#stream;
      const stream = resourceSubscriptions.length === 0 ? undefined : await client.listen({ resourceSubscriptions });
      this.#stream = stream;
      await before?.close();
      void stream?.closed.then((how) => {
        if (how !== 'local' && stream === this.#stream) this.#onLost(client);
      });
      return stream;
    });
    this.#changing = changed.catch(() => undefined); // whoever asked is told
    return changed;
  }

  #tell(uri: string): void {
    for (const listener of this.#watched.get(uri)?.listeners ?? []) listener(uri);
  }
}

function isStateless(client: Client): boolean {
  return client.getProtocolEra() === 'modern';
}
