import type { Hosting } from '../backends/backend.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { PeerLinks } from '../peers/index.ts';
import type { Reporter } from '../telemetry/events.ts';

/** What of the host discovery needs. Handlers are registered before the host starts. */
export type DirectoryHost = Pick<
  MeshHost,
  | 'nodeId'
  | 'handle'
  | 'openStream'
  | 'admitted'
  | 'onAdmitted'
  | 'onGone'
  | 'provide'
  | 'unprovide'
  | 'findProviders'
  | 'subscribe'
  | 'publish'
>;

/** The long-lived links between peers: they carry small notices, and show within seconds that a peer died in silence. */
export type DirectoryLinks = Pick<PeerLinks, 'notice' | 'tell' | 'onNotice' | 'onOpened' | 'onLost' | 'keep'>;

/** What must survive a restart. */
export interface DirectoryState {
  /** The last sequence number that was promised to anyone. */
  readonly seq: number;
  /** Alias → when this node first served it, in milliseconds since 1970. */
  readonly firstSeen: Readonly<Record<string, number>>;
}

export interface DirectoryStore {
  load(): Promise<DirectoryState | undefined>;
  /** Resolves when the state is on disk. */
  save(state: DirectoryState): Promise<void>;
}

export interface DirectoryClock {
  /** Milliseconds on a clock that never steps. */
  now(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** 0 ≤ chance < 1. */
  chance(): number;
  /** Runs once after `ms`, unless cancelled by the function returned. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export interface DirectorySettings {
  /** Connected peers ask each other at once; false: provider records only. */
  readonly exchange: boolean;
  readonly lookupIntervalMs: number;
  /** How long a descriptor is valid; it is asked for anew at half of it. Default 60 s. */
  readonly validityMs?: number | undefined;
  /** How often to look for what is due. Default 1 s. */
  readonly sweepMs?: number | undefined;
  /** How long one exchange with a peer may take. Default 5 s. */
  readonly askTimeoutMs?: number | undefined;
  /** Wait before a node that did not answer is asked again; doubles each time. Default 1 s. */
  readonly retryMs?: number | undefined;
}

export interface DirectoryParts {
  readonly host: DirectoryHost;
  /** The village id. */
  readonly village: string;
  /** A compact JWS by this node's PeerId key. */
  readonly sign: (typ: string, payload: Readonly<Record<string, unknown>>) => string;
  readonly store: DirectoryStore;
  readonly hosting: Hosting;
  readonly reporter: Reporter;
  readonly clock: DirectoryClock;
  /** Whether that node's membership lets it host servers for others. */
  readonly mayHost: (nodeId: string) => boolean;
  readonly links?: DirectoryLinks | undefined;
  readonly settings: DirectorySettings;
}
