import type { OfflineHandlers } from '../admin/index.ts';
import type { Flags } from '../config/index.ts';
import type { Trust } from '../trust/index.ts';

/** What the composition root is told to start. */
export interface NodeOptions {
  readonly dataDir: string;
  /** `--config`; otherwise `village.json` of the data folder. */
  readonly configFile?: string | undefined;
  /** What the command line sets; wins over the configuration file. */
  readonly flags: Flags;
  /** An invite to redeem before starting. A folder that is in that village already starts as it is. */
  readonly invite?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Ready {
  readonly nodeId: string;
  readonly villageId: string;
  /** Full URL of `/mcp`. */
  readonly gateway: string;
  /** Under TLS: the public key that it shows, `sha256//BASE64`. */
  readonly gatewayPin?: string | undefined;
  /** Origin of the admin address. */
  readonly admin: string;
  /** Full multiaddrs. */
  readonly addresses: readonly string[];
  readonly startedMs: number;
}

export interface VillageNode {
  /** Resolves when agents can call and `run.json` is written; undoes what it did when it fails or `signal` aborts. */
  start(options: { signal: AbortSignal }): Promise<Ready>;
  /** Resolves when the node is to be stopped and started again; it has done neither. */
  restartAsked(): Promise<void>;
  /** Graceful, within 4 s; a second call waits for the first. */
  stop(reason: string): Promise<void>;
}

/** The verbs on the files of a data folder that no node is using, until `close`. */
export interface FilesPort {
  readonly handlers: OfflineHandlers;
  close(): Promise<void>;
}

export interface BridgeOptions {
  readonly input: NodeJS.ReadStream;
  /** Protocol only. */
  readonly output: NodeJS.WriteStream;
  readonly readRunFile: () => { readonly gateway: string; readonly trust?: Trust } | undefined;
  /** A fresh token. */
  readonly token: () => Promise<string>;
}

/** What the command line asks the rest of the program to do. Each is loaded when first used: `--help` answers at once. */
export interface CliPorts {
  createNode(options: NodeOptions): Promise<VillageNode>;
  /** `mayMake`: a folder that is not there is made. */
  openFiles(dataDir: string, options: { readonly mayMake: boolean }): Promise<FilesPort>;
  /** Runs until the input ends and everything asked has been answered. */
  runBridge(options: BridgeOptions): Promise<void>;
}
