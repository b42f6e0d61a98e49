import { ExternalServer } from '../../backends/external-server.ts';
import { Expiry } from '../../backends/expiry.ts';
import { HeldCalls } from '../../backends/held-calls.ts';
import { openRunning } from '../../backends/stdio.ts';
import type { OutputSink, SpokenTo } from '../../backends/stdio-channel.ts';
import { ServerConfig } from '../../config/schema.ts';
import type { Reporter } from '../../telemetry/events.ts';
import type { HostedServer } from '../../backends/index.ts';
import type { ShardServer, ShardStart } from './port.ts';

/** Makes the servers of shards; what they share is bounded for all of them together. */
export class ShardServers {
  readonly #expiry = new Expiry();
  readonly #held: HeldCalls;
  readonly #reporter: Reporter;

  constructor(options: { readonly nodeId: string; readonly reporter: Reporter }) {
    this.#held = new HeldCalls({ nodeId: options.nodeId, expiry: this.#expiry });
    this.#reporter = options.reporter;
  }

  /** The server that speaks on a running shard's standard streams. When that ends it is down and stays so. */
  forProcess(
    { alias, share }: Pick<ShardStart, 'alias' | 'share'>,
    options: {
      readonly process: SpokenTo & { readonly pid: number };
      readonly output: OutputSink;
      readonly handshakeMs: number;
    },
  ): ShardServer {
    const listeners = new Set<(alias: string) => void>();
    const server = new ExternalServer(alias, {
      config: ServerConfig.parse({ command: options.process.pid.toString(), share }),
      nursery: { running: openRunning({ ...options, expiry: this.#expiry }) },
      expiry: this.#expiry,
      held: this.#held,
      reporter: this.#reporter,
      onChange: (changed) => {
        for (const listener of listeners) listener(changed);
      },
    });
    return withListeners(server, listeners);
  }
}

/** A server as it is, that also tells hosting when it changed. */
export function withListeners(server: HostedServer, listeners: Set<(alias: string) => void>): ShardServer {
  const onUpdated = server.onResourceUpdated?.bind(server);
  return {
    kind: server.kind,
    alias: server.alias,
    share: server.share,
    state: () => server.state(),
    definition: () => server.definition(),
    start: () => server.start(),
    stop: () => server.stop(),
    request: (request, context) => server.request(request, context),
    ...(onUpdated === undefined ? {} : { onResourceUpdated: onUpdated }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
