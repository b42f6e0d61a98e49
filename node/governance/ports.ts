import type { Constitution, MembershipVerdict, Policy } from '../../src/constitution/index.ts';
import type { SpreadClock, SpreadHost } from '../spread/index.ts';
import type { Reporter } from '../telemetry/events.ts';

/** What of the host governance needs. Handlers are registered before the host starts. */
export type GovernanceHost = SpreadHost;

export interface GovernanceVillage {
  readonly villageId: string;
  readonly constitution: Constitution;
  policy(): Policy;
  setPolicy(policy: Policy): void;
  /** Our own credentials, leaf first. */
  chain(): readonly string[];
  verify(chain: readonly string[], nodeId: string): MembershipVerdict;
}

export type GovernanceClock = SpreadClock;

/** The voters' keys that are on this node. */
export interface VoterKeys {
  list(): readonly string[];
  publicKey(name: string): string | undefined;
  /** 64 bytes over `message`; undefined: the key is not here. */
  sign(name: string, message: Uint8Array): Uint8Array | undefined;
}

export interface SpreadParts {
  readonly host: GovernanceHost;
  readonly village: GovernanceVillage;
  readonly reporter: Reporter;
  readonly clock: GovernanceClock;
  /** How long between two looks at what another node holds, on average. Default 10 s. */
  readonly pullIntervalMs?: number | undefined;
}
