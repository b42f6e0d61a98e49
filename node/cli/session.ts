import {
  AdminClient,
  type Answers,
  findRunning,
  type OfflineHandlers,
  type StreamInput,
  type StreamName,
  type VerbInput,
  type VerbName,
} from '../admin/index.ts';
import { CliError } from './exit.ts';
import type { CliPorts, FilesPort } from './ports.ts';

/** Verbs asked of the running node of a data folder, or of its files where no node runs and files are enough. */
export class Session {
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly #ports: CliPorts;
  #client: AdminClient | undefined;
  #files: FilesPort | undefined;
  #looked = false;

  constructor(dataDir: string, ports: CliPorts, options: { signal: AbortSignal }) {
    this.dataDir = dataDir;
    this.signal = options.signal;
    this.#ports = ports;
  }

  /** Asks the node where one runs, else the files. Errors: NO_NODE for a verb that needs a node. */
  async call<Verb extends VerbName>(
    verb: Verb,
    input: VerbInput<Verb>,
    options: { timeoutMs?: number } = {},
  ): Promise<Answers[Verb]> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(options.timeoutMs ?? 60_000)]);
    const client = await this.#running();
    if (client !== undefined) return client.call(verb, input, { signal });
    const handler = (await this.#offline(verb))[verb as keyof OfflineHandlers] as unknown as (
      input: VerbInput<Verb>,
      options: { signal: AbortSignal },
    ) => Promise<Answers[Verb]>;
    return handler(input, { signal });
  }

  async *stream<Stream extends StreamName>(name: Stream, input: StreamInput<Stream>): AsyncGenerator<object> {
    const client = await this.#running();
    const options = { signal: this.signal };
    if (client !== undefined) yield* client.stream(name, input, options);
    else yield* (await this.#offline(name))['audit.export'](input as StreamInput<'audit.export'>, options);
  }

  async close(): Promise<void> {
    await this.#files?.close();
  }

  async #running(): Promise<AdminClient | undefined> {
    if (this.#looked) return this.#client;
    const found = await findRunning(this.dataDir);
    this.#looked = true;
    if (found.kind === 'running') this.#client = new AdminClient(found.run);
    return this.#client;
  }

  async #offline(verb: VerbName | StreamName): Promise<OfflineHandlers> {
    if (!OFFLINE.has(verb)) {
      throw new CliError('NO_NODE', `no node runs on ${this.dataDir}`, {
        hint: 'start one with `village up`, or name its data folder with --data',
      });
    }
    this.#files ??= await this.#ports.openFiles(this.dataDir, { mayMake: verb === 'join' });
    return this.#files.handlers;
  }
}

const OFFLINE: ReadonlySet<string> = new Set<keyof OfflineHandlers>([
  'token',
  'agents.list',
  'agents.add',
  'agents.key.export',
  'agents.key.import',
  'invite',
  'join',
  'audit.verify',
  'audit.anchors',
  'audit.export',
]);
