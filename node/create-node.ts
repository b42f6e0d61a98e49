import { removeRunFile, writeRunFile } from './admin/index.ts';
import { assemble } from './assemble.ts';
import type { NodeOptions, Ready, VillageNode } from './cli/index.ts';
import { Config, ConfigWatch, type ConfigSource, type LoadedConfig, loadConfig } from './config/index.ts';
import { openNodeKeys } from './identity/index.ts';
import { openDataFolder } from './storage/index.ts';
import { createEventBus, type EventBus, writeLog } from './telemetry/index.ts';
import { programVersion } from './version.ts';
import { Village, type VillageOptions } from './village/index.ts';

const FIRST_NAME = 'aivillage';

export type { NodeOptions, Ready, VillageNode } from './cli/index.ts';

/** A node on a data folder. Nothing is opened before `start`. */
export async function createNode(options: NodeOptions): Promise<VillageNode> {
  return new Node(options);
}

class Node implements VillageNode {
  readonly #options: NodeOptions;
  readonly #bus: EventBus = createEventBus();
  #running: AsyncDisposableStack | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  async start({ signal }: { signal: AbortSignal }): Promise<Ready> {
    const { dataDir, configFile, flags, env, invite } = this.#options;
    const began = performance.now();
    const startedAtMs = Date.now();
    const bus = this.#bus;
    const source: ConfigSource = { dataDir, file: configFile, env, flags };
    let loaded = await loadConfig(source);
    await using building = new AsyncDisposableStack();
    building.defer(writeLog(bus, { ...loaded.config.log, write: (line) => process.stderr.write(`${line}\n`) }));
    const folder = await openDataFolder(dataDir);
    building.defer(() => folder.close());
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const village = await enterVillage({ dataDir, keys, database, reporter: bus }, { invite, signal });
    signal.throwIfAborted();

    const foundation = { dataDir, env, version: programVersion(), startedAtMs, bus, database, keys, village };
    const parts = await assemble({ ...foundation, loaded: () => loaded }, building);
    signal.throwIfAborted();

    const watch = new ConfigWatch(source, loaded, {
      onChange: async (fresh) => {
        const changed = changedKeys(loaded, fresh);
        loaded = fresh;
        await parts.hosting.reconfigure(fresh.config.mcpServers);
        bus.report('config.reloaded', { changed });
      },
      onInvalid: (error) =>
        bus.report('config.invalid', { problem: error instanceof Error ? error.message : String(error) }),
    });
    building.defer(() => watch.close());

    const { gateway, admin, secret } = parts;
    building.defer(() => removeRunFile(dataDir, secret));
    await writeRunFile(dataDir, {
      pid: process.pid,
      gateway,
      admin,
      secret,
      started_at: new Date(startedAtMs).toISOString(),
    });
    this.#running = building.move();
    const startedMs = Math.round(performance.now() - began);
    bus.report('node.started', { nodeId: keys.nodeId, startedMs });
    return {
      nodeId: keys.nodeId,
      villageId: village.villageId,
      gateway,
      admin,
      addresses: parts.host.addresses(),
      startedMs,
    };
  }

  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #stop(reason: string): Promise<void> {
    if (this.#running === undefined) return;
    this.#bus.report('node.stopping', { reason });
    await this.#running.disposeAsync();
  }
}

/** The village of the folder; joined first where there is an invite, made where there is none. */
async function enterVillage(
  options: VillageOptions,
  { invite, signal }: { readonly invite: string | undefined; readonly signal: AbortSignal },
): Promise<Village> {
  if (invite !== undefined) return Village.join(options, invite, { signal });
  return Village.open(options) ?? Village.found(options, { name: FIRST_NAME });
}

function changedKeys(before: LoadedConfig, after: LoadedConfig): string[] {
  const keys = Object.keys(Config.shape) as (keyof Config)[];
  return keys.filter((key) => JSON.stringify(before.config[key]) !== JSON.stringify(after.config[key]));
}
