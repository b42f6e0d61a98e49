import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../../src/kernel/index.ts';
import type { ServerConfig } from '../config/schema.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { HostedServer, Hosting } from './backend.ts';
import type { Nursery } from './child.ts';
import { ChildrenFile } from './children-file.ts';
import { Expiry } from './expiry.ts';
import { ExternalServer } from './external-server.ts';
import { Guard } from './guard.ts';
import { HeldCalls } from './held-calls.ts';

export interface LocalHostingOptions {
  readonly nodeId: string;
  readonly roles: readonly HostedServer[];
  readonly servers: Readonly<Record<string, ServerConfig>>;
  /** The data folder; `run/children.json` is kept in it, and servers without `cwd` run in it. */
  readonly dataDir: string;
  readonly reporter: Reporter;
  /** Where the few inherited variables of children are taken from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Entry {
  readonly server: HostedServer;
  /** Canonical JSON of its configuration, by which a change is recognised. */
  readonly made: string;
}

/** All servers of this node: the built-in roles, and those of the configuration, which may change at any time. */
export class LocalHosting implements Hosting {
  readonly #options: LocalHostingOptions;
  readonly #expiry = new Expiry();
  readonly #held: HeldCalls;
  readonly #nursery: Nursery;
  readonly #roles = new Map<string, HostedServer>();
  readonly #entries = new Map<string, Entry>();
  readonly #guests = new Map<string, HostedServer>();
  readonly #listeners = new Set<(alias: string) => void>();
  readonly #changed = new Set<string>();
  readonly #draining = new Set<string>();
  #wanted: Readonly<Record<string, ServerConfig>>;
  #work: Promise<void> = Promise.resolve();
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: LocalHostingOptions) {
    this.#options = options;
    this.#wanted = options.servers;
    this.#held = new HeldCalls({ nodeId: options.nodeId, expiry: this.#expiry });
    for (const role of options.roles) this.#roles.set(role.alias, role);
    const run = randomBytes(12).toString('hex');
    let children = 0;
    this.#nursery = {
      run,
      guard: new Guard(run),
      file: new ChildrenFile(`${options.dataDir}/run`, run),
      folder: options.dataDir,
      environment: options.environment,
      nextNumber: () => ++children,
    };
  }

  servers(): readonly HostedServer[] {
    return [...this.#own(), ...this.#guests.values()];
  }

  get(alias: string): HostedServer | undefined {
    return this.#roles.get(alias) ?? this.#entries.get(alias)?.server ?? this.#guests.get(alias);
  }

  onChange(listener: (alias: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  isDraining(alias: string): boolean {
    return this.#draining.has(alias);
  }

  /** Lets a server finish what runs and begin nothing, or begin again, until this node ends. False: there is no such server here. */
  drain(alias: string, isDraining: boolean): boolean {
    if (this.get(alias) === undefined) return false;
    if (isDraining) this.#draining.add(alias);
    else this.#draining.delete(alias);
    this.#tell(alias);
    return true;
  }

  /** Ends what an earlier run left behind and starts every server. Resolves without waiting for any of them to answer. */
  async start(): Promise<void> {
    this.#state = 'running';
    await this.#nursery.file.sweep();
    await Promise.all([...this.#roles.values()].map((role) => role.start()));
    await this.reconfigure(this.#wanted);
  }

  /**
   * Makes the configured servers those of `servers`: new ones start, removed ones stop, changed ones restart, the rest is not touched.
   * Resolves when that is done, though not until the new ones answer.
   */
  reconfigure(servers: Readonly<Record<string, ServerConfig>>): Promise<void> {
    this.#wanted = servers;
    this.#work = this.#work.then(() => this.#apply());
    return this.#work;
  }

  /** Stops a configured server and starts it anew. Resolves when it has been told to start; false: no such server is configured here. */
  restart(alias: string): Promise<boolean> {
    const restarting = this.#work.then(async () => {
      const entry = this.#entries.get(alias);
      if (entry === undefined || this.#state !== 'running') return false;
      this.#entries.delete(alias);
      this.#tell(alias);
      await entry.server.stop();
      this.#add(alias, this.#wanted[alias]);
      return true;
    });
    this.#work = restarting.then(() => undefined);
    return restarting;
  }

  /** Hosts a server that comes and goes while the node runs, and that whoever adds it starts and stops. False: the name is taken. */
  addGuest(server: HostedServer): boolean {
    if (this.#state === 'stopped' || this.get(server.alias) !== undefined) return false;
    this.#guests.set(server.alias, server);
    this.#tell(server.alias);
    return true;
  }

  /** Takes a guest out of what this node offers. */
  removeGuest(alias: string): void {
    if (this.#guests.delete(alias)) this.#tell(alias);
  }

  /** A guest's definition or state changed. */
  guestChanged(alias: string): void {
    if (this.#guests.has(alias)) this.#tell(alias);
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    await this.#work;
    await Promise.all(this.#own().map((server) => server.stop()));
    this.#nursery.guard.close();
    await this.#nursery.file.delete();
  }

  #own(): readonly HostedServer[] {
    return [...this.#roles.values(), ...[...this.#entries.values()].map((entry) => entry.server)];
  }

  async #apply(): Promise<void> {
    if (this.#state !== 'running') return;
    const wanted = new Map(Object.entries(this.#wanted).filter(([alias]) => this.#mayHost(alias)));
    const gone = [...this.#entries].filter(([alias, entry]) => entry.made !== made(wanted.get(alias)));
    const stopping = gone.map(async ([alias, entry]) => {
      this.#entries.delete(alias);
      this.#tell(alias);
      await entry.server.stop();
      this.#add(alias, wanted.get(alias));
    });
    for (const [alias, config] of wanted) {
      if (!this.#entries.has(alias) && !gone.some(([changed]) => changed === alias)) this.#add(alias, config);
    }
    await Promise.all(stopping);
  }

  #mayHost(alias: string): boolean {
    const taken = this.#roles.has(alias) ? 'a built-in role' : this.#guests.has(alias) ? 'a running shard' : undefined;
    if (taken === undefined) return true;
    const problem = `${taken} has this name: choose another in mcpServers`;
    this.#options.reporter.report('server.state', { server: alias, state: 'down', problem });
    return false;
  }

  #add(alias: string, config: ServerConfig | undefined): void {
    if (config === undefined || this.#state !== 'running') return;
    const server = new ExternalServer(alias, {
      config,
      nursery: this.#nursery,
      expiry: this.#expiry,
      held: this.#held,
      reporter: this.#options.reporter,
      onChange: (changed) => this.#tell(changed),
    });
    this.#entries.set(alias, { server, made: made(config) });
    this.#tell(alias);
    void server.start();
  }

  /** Several changes of one server in one turn are one. */
  #tell(alias: string): void {
    if (this.#changed.size === 0) {
      setImmediate(() => {
        const aliases = [...this.#changed];
        this.#changed.clear();
        for (const changed of aliases) for (const listener of this.#listeners) listener(changed);
      });
    }
    this.#changed.add(alias);
  }
}

function made(config: ServerConfig | undefined): string {
  return config === undefined ? '' : canonicalJson(config);
}
