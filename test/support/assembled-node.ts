import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient, type Answers, type VerbInput, type VerbName } from '../../node/admin/index.ts';
import { assemble, type Assembled } from '../../node/assemble.ts';
import { loadConfig } from '../../node/config/index.ts';
import { openNodeKeys } from '../../node/identity/index.ts';
import { openDataFolder } from '../../node/storage/index.ts';
import { createEventBus, type EventBus } from '../../node/telemetry/index.ts';
import { Village } from '../../node/village/index.ts';
import { dataFolder } from './process-node.ts';

/** A whole node in the test's own process, whose village the test holds in its hands. */
export class AssembledNode implements AsyncDisposable {
  readonly village: Village;
  readonly parts: Assembled;
  readonly bus: EventBus;
  readonly #admin: AdminClient;
  readonly #stack: AsyncDisposableStack;

  private constructor(village: Village, parts: Assembled, bus: EventBus, stack: AsyncDisposableStack) {
    this.village = village;
    this.parts = parts;
    this.bus = bus;
    this.#stack = stack;
    this.#admin = new AdminClient(parts);
  }

  /** Founds a village, or joins one by `invite`. `config`: as village.json has it. */
  static async start(options: { invite?: string; mcpServers?: object } = {}): Promise<AssembledNode> {
    const dataDir = dataFolder('assembled');
    await using stack = new AsyncDisposableStack();
    const folder = await openDataFolder(dataDir);
    stack.defer(() => folder.close());
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const bus = createEventBus();
    const at = { dataDir, keys, database, reporter: bus };
    const signal = AbortSignal.timeout(10_000);
    const { invite, mcpServers = {} } = options;
    const village =
      invite === undefined ? Village.found(at, { name: 'Test' }) : await Village.join(at, invite, { signal });
    const config = { gateway: '127.0.0.1:0', admin: '127.0.0.1:0', mcpServers };
    writeFileSync(join(dataDir, 'village.json'), JSON.stringify(config));
    const loaded = await loadConfig({ dataDir, env: process.env });
    const foundation = { ...at, env: process.env, version: '1.2.3', startedAtMs: Date.now(), bus, village };
    const parts = await assemble({ ...foundation, loaded: () => loaded }, stack);
    return new AssembledNode(village, parts, bus, stack.move());
  }

  get nodeId(): string {
    return this.parts.host.nodeId;
  }

  invite(): string {
    const request = { ttlMs: 3_600_000, uses: 1, level: 'OPERATOR', mayInvite: false } as const;
    return this.village.createInvite({ ...request, addresses: this.parts.host.addresses() }).invite;
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
