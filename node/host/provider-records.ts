import type { KadDHT } from '@libp2p/kad-dht';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { create as digestOf } from 'multiformats/hashes/digest';
import { sha256 } from '../../src/kernel/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const SHA2_256 = 0x12;
/** On how many peers Kad-DHT stores a record where there are so many. */
const REPLICATION = 20;
const AGAIN_AFTER_MS = 500;
const AGAIN_DEADLINE_MS = 10_000;

export interface ProviderRecordsOptions {
  readonly dht: KadDHT;
  readonly nodeId: string;
  readonly villageId: string;
  readonly reporter: Reporter;
  admittedCount(): number;
}

/** What this node says in the DHT that it serves, and who says so of what. */
export class ProviderRecords {
  readonly #options: ProviderRecordsOptions;
  /** Path → how many peers stored it when it was last said. */
  readonly #provided = new Map<string, number>();
  #again: NodeJS.Timeout | undefined;
  #abort = new AbortController();

  constructor(options: ProviderRecordsOptions) {
    this.#options = options;
  }

  async provide(path: string, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    this.#provided.set(path, 0);
    return this.#say(path, signal);
  }

  async unprovide(path: string): Promise<void> {
    this.#provided.delete(path);
    await this.#options.dht.cancelReprovide(this.#key(path));
  }

  async *find(
    path: string,
    { signal, limit }: { readonly signal: AbortSignal; readonly limit: number },
  ): AsyncIterable<string> {
    // Without a peer a query would wait for one until its deadline.
    if (this.#options.admittedCount() === 0) return;
    const found = new Set<string>([this.#options.nodeId]);
    try {
      for await (const event of this.#options.dht.findProviders(this.#key(path), { signal })) {
        if (event.name !== 'PROVIDER') continue;
        for (const { id } of event.providers) {
          if (found.size > limit) return;
          const nodeId = id.toString();
          if (found.has(nodeId)) continue;
          found.add(nodeId);
          yield nodeId;
        }
        if (found.size > limit) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** More peers are there: what too few of them hold is said again, soon and at once for many. */
  peersCame(): void {
    if (this.#again !== undefined || this.#abort.signal.aborted) return;
    this.#again = setTimeout(() => {
      this.#again = undefined;
      void this.#sayAgain().catch((error: unknown) => this.#failed(error));
    }, AGAIN_AFTER_MS);
  }

  stop(): void {
    clearTimeout(this.#again);
    this.#abort.abort();
  }

  async #sayAgain(): Promise<void> {
    for (const [path, stored] of [...this.#provided]) {
      const enough = Math.min(REPLICATION, this.#options.admittedCount());
      if (stored >= enough || this.#abort.signal.aborted) continue;
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(AGAIN_DEADLINE_MS)]);
      await this.#say(path, signal).catch((error: unknown) => this.#failed(error));
    }
  }

  async #say(path: string, signal: AbortSignal): Promise<number> {
    // Without a peer a query would wait for one until its deadline; `peersCame` says it then.
    if (this.#options.admittedCount() === 0) return 0;
    let stored = 0;
    try {
      for await (const event of this.#options.dht.provide(this.#key(path), { signal })) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') stored += 1;
      }
    } finally {
      if (this.#provided.has(path)) this.#provided.set(path, stored);
      this.#options.reporter.report('dht.provided', { key: path, stored });
    }
    return stored;
  }

  #failed(error: unknown): void {
    if (!this.#abort.signal.aborted) this.#options.reporter.report('background.failed', { area: 'dht', error });
  }

  #key(path: string): CID {
    const digest = sha256(`village/${this.#options.villageId}/${path}`);
    return CID.createV1(raw.code, digestOf(SHA2_256, digest));
  }
}
