import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient, type Answers, type VerbInput, type VerbName } from '../../node/admin/index.ts';
import { assemble, type Assembled } from '../../node/assemble.ts';
import { loadConfig, type LoadedConfig } from '../../node/config/index.ts';
import { openNodeKeys } from '../../node/identity/index.ts';
import { openDataFolder } from '../../node/storage/index.ts';
import { createEventBus, type EventBus } from '../../node/telemetry/index.ts';
import { Village } from '../../node/village/index.ts';
import { dataFolder } from './process-node.ts';
import { until } from './until.ts';

/** A whole node in the test's own process, whose village the test holds in its hands. */
export class AssembledNode implements AsyncDisposable {
  readonly village: Village;
  readonly parts: Assembled;
  readonly bus: EventBus;
  readonly #admin: AdminClient;
  readonly #dataDir: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    made: Pick<AssembledNode, 'village' | 'parts' | 'bus'> & { readonly dataDir: string },
    stack: AsyncDisposableStack,
  ) {
    this.village = made.village;
    this.parts = made.parts;
    this.bus = made.bus;
    this.#dataDir = made.dataDir;
    this.#stack = stack;
    this.#admin = new AdminClient(made.parts);
  }

  /** Founds a village, or joins one by `invite`. */
  static async start({ invite }: { invite?: string } = {}): Promise<AssembledNode> {
    const dataDir = dataFolder('assembled');
    await using stack = new AsyncDisposableStack();
    const folder = await openDataFolder(dataDir);
    stack.defer(() => folder.close());
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const bus = createEventBus();
    const at = { dataDir, keys, database, reporter: bus };
    const signal = AbortSignal.timeout(10_000);
    const village =
      invite === undefined ? Village.found(at, { name: 'Test' }) : await Village.join(at, invite, { signal });
    const loaded = await configured(dataDir, {});
    const foundation = {
      ...at,
      env: process.env,
      version: '1.2.3',
      startedAtMs: Date.now(),
      bus,
      village,
      askRestart: () => undefined,
    };
    const parts = await assemble({ ...foundation, loaded: () => loaded }, stack);
    return new AssembledNode({ dataDir, village, parts, bus }, stack.move());
  }

  /** Hosts these servers, as a changed village.json would have it. */
  async serve(mcpServers: object): Promise<void> {
    const { config } = await configured(this.#dataDir, mcpServers);
    await this.parts.hosting.reconfigure(config.mcpServers);
  }

  get nodeId(): string {
    return this.parts.host.nodeId;
  }

  invite(): string {
    const request = { ttlMs: 3_600_000, uses: 1, level: 'OPERATOR', mayInvite: false } as const;
    return this.village.createInvite({ ...request, addresses: this.parts.host.addresses() }).invite;
  }

  /** Resolves when a call gets through. */
  async reaches(other: AssembledNode): Promise<void> {
    const ping = { name: 'mesh_ping', arguments: { node_id: other.nodeId }, timeout_ms: 2_000 };
    const answered = () => this.call('tools.call', ping).then(({ isError }) => isError !== true);
    await until(answered, { timeoutMs: 10_000, what: 'a ping through to the other node' });
  }

  call<Verb extends VerbName>(verb: Verb, input: VerbInput<Verb>): Promise<Answers[Verb]> {
    return this.#admin.call(verb, input, { signal: AbortSignal.timeout(10_000) });
  }

  async tools(): Promise<string[]> {
    return (await this.call('tools.list', {})).tools.map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function configured(dataDir: string, mcpServers: object): Promise<LoadedConfig> {
  const config = { gateway: '127.0.0.1:0', admin: '127.0.0.1:0', mcpServers };
  writeFileSync(join(dataDir, 'village.json'), JSON.stringify(config));
  return loadConfig({ dataDir, env: process.env });
}
