import { removeRunFile, writeRunFile } from './admin/index.ts';
import { assemble } from './assemble.ts';
import type { NodeOptions, Ready, VillageNode } from './cli/index.ts';
import { ConfigWatch, type ConfigSource, type LoadedConfig, loadConfig, reloadOf } from './config/index.ts';
import { openNodeKeys } from './identity/index.ts';
import { openTracing } from './open-tracing.ts';
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
  readonly #restart = Promise.withResolvers<void>();
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
    const log = () => writeLog(bus, { ...loaded.config.log, write: (line) => process.stderr.write(`${line}\n`) });
    let endLog = log();
    building.defer(() => endLog());
    const folder = await openDataFolder(dataDir);
    building.defer(() => folder.close());
    const { database } = folder;
    const keys = openNodeKeys(dataDir, { create: true });
    const version = programVersion();
    const tracing = openTracing(loaded.config, { dataDir, bus, nodeId: keys.nodeId, version });
    building.defer(() => tracing?.stop());
    const entering = { dataDir, keys, database, reporter: bus };
    const before = Village.open(entering)?.villageId;
    const village = await enterVillage(entering, { invite, signal });
    signal.throwIfAborted();

    const foundation = {
      dataDir,
      env,
      version,
      startedAtMs,
      bus,
      database,
      keys,
      village,
      tracing,
      askRestart: () => this.#restart.resolve(),
    };
    const parts = await assemble({ ...foundation, loaded: () => loaded }, building);
    const how = invite === undefined ? 'found' : 'join';
    if (village.villageId !== before) bus.report('village.entered', { village: village.villageId, how });
    signal.throwIfAborted();

    const started = loaded.config;
    const watch = new ConfigWatch(source, loaded, {
      onChange: async (fresh) => {
        const { applied } = reloadOf(loaded.config, fresh.config);
        const { wantsRestart } = reloadOf(started, fresh.config);
        loaded = withPending(fresh, wantsRestart);
        if (applied.some((key) => key.startsWith('log.'))) {
          endLog();
          endLog = log();
        }
        await parts.hosting.reconfigure(fresh.config.mcpServers);
        bus.report('config.reloaded', { applied, wantsRestart });
      },
      onInvalid: (error) =>
        bus.report('config.invalid', { problem: error instanceof Error ? error.message : String(error) }),
    });
    building.defer(() => watch.close());

    const { gateway, admin, secret, tls } = parts;
    building.defer(() => removeRunFile(dataDir, secret));
    const started_at = new Date(startedAtMs).toISOString();
    const tell = () =>
      writeRunFile(dataDir, {
        ...{ pid: process.pid, gateway, admin, secret, started_at },
        gateway_pin: tls?.certificate.pin,
        gateway_client: tls?.localClient,
      });
    await tell();
    const untell = tls?.onChange(() => {
      tell().catch((error: unknown) => bus.report('background.failed', { area: 'run file', error }));
    });
    building.defer(() => untell?.());
    this.#running = building.move();
    const startedMs = Math.round(performance.now() - began);
    bus.report('node.started', { nodeId: keys.nodeId, startedMs });
    return {
      nodeId: keys.nodeId,
      villageId: village.villageId,
      gateway,
      gatewayPin: tls?.certificate.pin,
      admin,
      addresses: parts.host.addresses(),
      startedMs,
    };
  }

  restartAsked(): Promise<void> {
    return this.#restart.promise;
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

/** What the file says and this run cannot follow is told wherever the node's state is shown. */
function withPending(loaded: LoadedConfig, wantsRestart: readonly string[]): LoadedConfig {
  if (wantsRestart.length === 0) return loaded;
  const notice = `${loaded.file}: ${wantsRestart.map((key) => `\`${key}\``).join(', ')} changed: in force after a restart`;
  return { ...loaded, notices: [...loaded.notices, notice] };
}
