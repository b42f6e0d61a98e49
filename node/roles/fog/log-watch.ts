import type { FogOffice } from '../../fog/index.ts';

type Logs = NonNullable<ReturnType<FogOffice['logs']>>;

/** Tells of each line that a shard on this node prints. */
export class LogWatch {
  readonly #office: Pick<FogOffice, 'list' | 'logs'>;
  readonly #onLine: (shard: string) => void;
  readonly #followed = new Map<Logs, () => void>();

  constructor(office: Pick<FogOffice, 'list' | 'logs'>, onLine: (shard: string) => void) {
    this.#office = office;
    this.#onLine = onLine;
  }

  /** Shards came or went. */
  look(): void {
    const here = new Map<Logs, string>();
    for (const { shardId } of this.#office.list().flatMap(({ shards }) => shards)) {
      const logs = this.#office.logs(shardId);
      if (logs !== undefined) here.set(logs, shardId);
    }
    for (const [logs, stop] of this.#followed) {
      if (here.has(logs)) continue;
      stop();
      this.#followed.delete(logs);
    }
    for (const [logs, shard] of here) {
      if (!this.#followed.has(logs))
        this.#followed.set(
          logs,
          logs.follow(() => this.#onLine(shard)),
        );
    }
  }

  close(): void {
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }
}
