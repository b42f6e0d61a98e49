import type { Clock, Deadlines, DelegationVerdict, SessionPorts } from '../../protocols/mcp/index.ts';
import type { Principal } from '../../src/permissions/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { Reporter } from '../telemetry/events.ts';

/** What links to peers are made of. */
export interface LinkParts {
  readonly host: Pick<MeshHost, 'nodeId' | 'openStream' | 'handle' | 'admitted' | 'onAdmitted'>;
  readonly deadlines: Deadlines;
  readonly reporter: Reporter;
  /** A JWS by this node's issuer that lets `nodeId` serve `principal`; undefined when the token is over or the agent gave no grant. */
  readonly delegationFor: (principal: Principal, nodeId: string) => string | undefined;
  /** Whether `delegation`, presented by the admitted peer `nodeId`, holds here and now. */
  readonly accept: (delegation: string, nodeId: string) => DelegationVerdict;
  /** Decides on and does a call that a peer asks for. Never rejects. */
  readonly serve: SessionPorts['serve'];
  readonly limits: { readonly maxInFlightPerPeer: number };
  readonly clock?: Clock;
}

/** `silent`: nothing was heard of the peer any more, and a new stream could not be opened either where that was tried. */
export interface LinkLoss {
  readonly silent: boolean;
}

/** One link as `status` shows it. */
export interface LinkStatus {
  readonly nodeId: string;
  readonly asked: number;
  readonly served: number;
  /** Exponentially weighted, from our own pings; undefined before the first answer. */
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedBytes: number;
  /** How long the stream has been open. */
  readonly ageMs: number;
  readonly kept: boolean;
}
