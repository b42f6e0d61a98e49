import type { Constitution, PolicyView } from '../../src/constitution/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { Revocations } from '../identity/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';

export interface SpreadVillage {
  readonly villageId: string;
  readonly constitution: Constitution;
  policy(): PolicyView;
  onPolicy(listener: () => void): () => void;
  /** Our own credentials, leaf first. */
  chain(): readonly string[];
}

export interface SpreadClock {
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Milliseconds on a clock that never steps. */
  now(): number;
  /** 0 ≤ chance < 1. */
  chance(): number;
  /** Runs once after `ms`, unless cancelled by the function returned. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export interface SpreadParts {
  readonly host: Pick<
    MeshHost,
    'nodeId' | 'handle' | 'subscribe' | 'publish' | 'openStream' | 'admitted' | 'onAdmitted'
  >;
  readonly village: SpreadVillage;
  readonly revocations: Revocations;
  /** Keeps the credentials of nodes that signed. */
  readonly store: Store;
  readonly reporter: Reporter;
  readonly clock: SpreadClock;
  /** How long between two looks at what another node holds, on average. Default 30 s. */
  readonly pullIntervalMs?: number | undefined;
}
