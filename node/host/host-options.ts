import type { Datastore } from 'interface-datastore';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { MembershipDesk } from './greeter.ts';

export interface HostLimits {
  /** How long a connection may stay without a hello that succeeded. */
  readonly unadmittedMs: number;
  /** The same, once an admission runs on it. */
  readonly admissionMs: number;
  /** Connections of strangers at once. */
  readonly maxUnadmitted: number;
  /** Above so many admitted peers, known ones are not dialled just to stay connected. */
  readonly keepConnected: number;
  readonly stopMs: number;
  readonly redialFirstMs: number;
  readonly redialLongestMs: number;
  /** How long a provider record of ours is believed, and how often old ones are looked for. */
  readonly provideValidityMs: number;
  readonly provideSweepMs: number;
  /** Gossip is offered again to who missed it for some heartbeats, and known again for `gossipSeenMs`. Then only pulling brings it. */
  readonly gossipHeartbeatMs: number;
  readonly gossipSeenMs: number;
}

export const HOST_LIMITS: HostLimits = {
  unadmittedMs: 5_000,
  admissionMs: 10_000,
  maxUnadmitted: 64,
  keepConnected: 16,
  stopMs: 3_000,
  redialFirstMs: 1_000,
  redialLongestMs: 30_000,
  provideValidityMs: 30 * 60_000,
  provideSweepMs: 60_000,
  gossipHeartbeatMs: 1_000,
  gossipSeenMs: 120_000,
};

export interface HostOptions {
  readonly nodeId: string;
  /** The 32-byte seed of the node's Ed25519 key. */
  readonly peerSeed: Uint8Array;
  readonly villageId: string;
  readonly membership: MembershipDesk;
  /** Multiaddrs; TCP port 0 keeps the port it was given first. */
  readonly listen: readonly string[];
  /** Multiaddrs of peers to connect to, besides those known. */
  readonly bootstrap?: readonly string[] | undefined;
  /** Look for nodes of this village on the local network. Has an effect only when listening beyond loopback. */
  readonly mdns?: boolean | undefined;
  /** Boot sequence and ports (`host`), known peers (`known-peers`): two namespaces, for nobody else. */
  readonly stores: { readonly host: Store; readonly knownPeers: Store };
  /** libp2p's own: peer store and provider records. In memory when absent. */
  readonly datastore?: Datastore | undefined;
  readonly reporter: Reporter;
  readonly transport?: 'tcp' | 'memory' | undefined;
  readonly limits?: Partial<HostLimits> | undefined;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
}
