import type { Constitution, PolicyView } from '../../src/constitution/index.ts';
import type { Revocations } from '../identity/index.ts';
import type { SpreadClock, SpreadHost } from '../spread/index.ts';
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

export interface SpreadParts {
  readonly host: SpreadHost;
  readonly village: SpreadVillage;
  readonly revocations: Revocations;
  /** Keeps the credentials of nodes that signed. */
  readonly store: Store;
  readonly reporter: Reporter;
  readonly clock: SpreadClock;
  /** How long between two looks at what another node holds, on average. Default 30 s. */
  readonly pullIntervalMs?: number | undefined;
}
