import { exactCanonicalJson, sha256Hex } from '../../src/kernel/index.ts';
import type { RpcRequest, ServerAccess, ServerDefinition } from '../../src/mcp/index.ts';
import type { ServerConfig } from '../config/schema.ts';
import type { Reporter } from '../telemetry/events.ts';
import { AgentInstances } from './agent-instances.ts';
import { answerOurselves } from './answer.ts';
import type { BackendContext, BackendReply, HostedServer, ResourceListener } from './backend.ts';
import type { Nursery } from './child.ts';
import { unavailable } from './call.ts';
import type { Expiry } from './expiry.ts';
import type { HeldCalls } from './held-calls.ts';
import type { Listing } from './listing.ts';
import { configuredAccess, offered } from './offer.ts';
import { openStdio } from './stdio.ts';
import { type Condition, type Open, Supervisor } from './supervisor.ts';
import { openUrl } from './url.ts';

export interface ExternalServerOptions {
  readonly config: ServerConfig;
  /** Where its process is a child of this node; `running`: somebody else runs it, once. */
  readonly nursery: Nursery | { readonly running: Open };
  readonly expiry: Expiry;
  readonly held: HeldCalls;
  readonly reporter: Reporter;
  readonly onChange: (alias: string) => void;
}

/** A third-party MCP server from the configuration: a supervised child process or a URL. */
export class ExternalServer implements HostedServer {
  readonly kind: 'stdio' | 'url';
  readonly alias: string;
  readonly share: 'mesh' | 'local';
  readonly access: ServerAccess;
  readonly #options: ExternalServerOptions;
  readonly #disabled: boolean;
  readonly #main: Supervisor;
  readonly #agents: AgentInstances | undefined;
  readonly #updated = new Set<ResourceListener>();
  #definition: ServerDefinition | undefined;
  #hash = '';
  #reported = '';

  constructor(alias: string, options: ExternalServerOptions) {
    const { config } = options;
    this.alias = alias;
    this.kind = config.url === undefined ? 'stdio' : 'url';
    this.share = config.share;
    this.access = configuredAccess(config);
    this.#options = options;
    this.#disabled = !config.enabled || config.disabled === true;
    this.#main = this.#supervisor(() => this.#changed(), undefined);
    const perAgent = config.instances === 'per-agent';
    this.#agents = perAgent ? new AgentInstances((agent) => this.#supervisor(() => undefined, agent)) : undefined;
  }

  state(): Condition {
    return this.#disabled ? { state: 'disabled', since: 0 } : this.#main.condition();
  }

  definition(): ServerDefinition | undefined {
    return this.#definition;
  }

  onResourceUpdated(listener: ResourceListener): () => void {
    this.#updated.add(listener);
    return () => this.#updated.delete(listener);
  }

  /** Resolves at once: whether the server answers, `state` tells. */
  async start(): Promise<void> {
    if (!this.#disabled) this.#main.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#main.stop(), this.#agents?.stop()]);
  }

  async request(request: RpcRequest, context: BackendContext): Promise<BackendReply> {
    if (this.#disabled) return unavailable(request.id, 'it is disabled in the configuration');
    const { timeout, cacheTtlMs } = this.#options.config;
    const own = answerOurselves(request, { definition: this.#definition, era: context.era, ttlMs: cacheTtlMs });
    if (own !== undefined) return own;
    const limitMs = timeout === undefined ? Number.POSITIVE_INFINITY : timeout * 1_000;
    if (!this.#holds(request, context)) {
      return this.#forward(request, context, Math.min(context.deadlineAt, performance.now() + limitMs));
    }
    const made = { server: this.alias, request, context, limitMs };
    // The limits of a held call move with its requests, and are its context's own.
    return this.#options.held.run(made, (held) => this.#forward(request, held, Number.POSITIVE_INFINITY));
  }

  /** Whether the server may ask in the midst of the call, in the one way that an agent without a session cannot hear. */
  #holds(request: RpcRequest, { era }: BackendContext): boolean {
    return era === 'stateless' && this.#main.era !== 'stateless' && this.#options.held.mayHold(request);
  }

  #forward(request: RpcRequest, context: BackendContext, deadlineAt: number): Promise<BackendReply> {
    if (this.#agents !== undefined) return this.#agents.request(request, context, { deadlineAt });
    return this.#main.request(request, context, { deadlineAt });
  }

  /** `agent`: whose own process it is; undefined: everyone's. */
  #supervisor(onChange: () => void, agent: string | undefined): Supervisor {
    const { config, expiry, nursery, reporter } = this.#options;
    const oneAgent = agent !== undefined;
    const onLine = (line: string): void => reporter.report('server.output', { server: this.alias, line });
    const inputSchemaOf = (tool: string) => this.#definition?.tools.find((one) => one.name === tool)?.inputSchema;
    const once = 'running' in nursery;
    const open = once
      ? nursery.running
      : config.command === undefined
        ? openUrl({ url: new URL(config.url as string), headers: config.headers, inputSchemaOf, expiry, oneAgent })
        : openStdio({ ...config, command: config.command }, { nursery, expiry, onLine, oneAgent });
    const onListing = (listing: Listing): void => this.#listed(listing);
    const onResourceUpdated = (uri: string): void => {
      for (const listener of this.#updated) listener(uri, agent);
    };
    return new Supervisor({
      ...{ open, once, oneAgent, expiry, ttlMs: config.cacheTtlMs, onChange, onListing, onResourceUpdated },
      onLog: onLine,
    });
  }

  #listed(listing: Listing): void {
    const definition = offered(listing.definition, this.#options.config);
    const hash = sha256Hex(exactCanonicalJson(definition));
    if (hash === this.#hash) return;
    this.#hash = hash;
    this.#definition = definition;
    this.#options.reporter.report('server.definition', { server: this.alias, tools: definition.tools.length, hash });
    this.#options.onChange(this.alias);
  }

  #changed(): void {
    const { state, problem } = this.#main.condition();
    const seen = `${state} ${problem ?? ''}`;
    if (seen === this.#reported) return;
    this.#reported = seen;
    const detail = { server: this.alias, state, ...(problem === undefined ? {} : { problem }) };
    this.#options.reporter.report('server.state', detail);
    this.#options.onChange(this.alias);
  }
}
