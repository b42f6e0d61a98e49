import type { Channel, ChannelEvents, OutgoingMessage } from '../../node/backends/channel.ts';
import { Connection, type ConnectionEvents } from '../../node/backends/connection.ts';
import { Expiry } from '../../node/backends/expiry.ts';

export type Say = (message: Record<string, unknown>) => void;

/** A channel to a server that is a function: told each message, it says what it wants. */
export class ScriptedChannel implements Channel {
  readonly perRequestStreams = false;
  readonly twoWay = true;
  readonly sent: OutgoingMessage[] = [];
  readonly #server: (message: OutgoingMessage, say: Say) => void;
  events!: ChannelEvents;
  accepts: 'sent' | 'busy' | 'closed' = 'sent';

  constructor(server: (message: OutgoingMessage, say: Say) => void) {
    this.#server = server;
  }

  attach(events: ChannelEvents): void {
    this.events = events;
  }

  send(message: OutgoingMessage): 'sent' | 'busy' | 'closed' {
    if (this.accepts !== 'sent') return this.accepts;
    this.sent.push(message);
    if (typeof message.id === 'number' && message.method !== undefined) this.events.written(message.id);
    this.#server(message, (answer) => queueMicrotask(() => this.events.message(answer, undefined)));
    return 'sent';
  }

  abandon(): void {}
  agreed(): void {}
  listen(): void {}
  close(): void {}
}

export const INITIALIZED = {
  protocolVersion: '2025-06-18',
  serverInfo: { name: 's', version: '1' },
  capabilities: { tools: {} },
};

/** A connection to that server. */
export function connect(
  server: (message: OutgoingMessage, say: Say) => void,
  events: Partial<ConnectionEvents> = {},
  oneAgent = false,
) {
  const channel = new ScriptedChannel(server);
  const connection = new Connection(channel, {
    expiry: new Expiry(),
    oneAgent,
    events: {
      listChanged: () => undefined,
      resourceUpdated: () => undefined,
      renewed: () => undefined,
      log: () => undefined,
      askedUnmarked: () => undefined,
      closed: () => undefined,
      ...events,
    },
  });
  return { channel, connection };
}
