import type { Level } from '../permissions/index.ts';

/** What a node says it serves: signed by its PeerId key as a compact JWS (`typ: village-descriptor+jws`), fetched live, short-lived. */
export interface NodeDescriptor {
  readonly village: string;
  readonly node: string;
  /** Rises with every change, across restarts; a lower one than known is a roll-back and is refused. */
  readonly seq: number;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** The node is leaving: it serves nothing from here on. */
  readonly withdrawn?: boolean | undefined;
  readonly servers: readonly ServerSummary[];
  /** What it is to serve and does not serve now. Absent: nothing. */
  readonly away?: readonly AwayServer[] | undefined;
}

/** A server that its node is set up to share and does not serve: down for longer than a restart takes, or not come up yet. */
export interface AwayServer {
  readonly alias: string;
  readonly kind: 'role' | 'third_party';
  /** The lowest level that may use anything of it: nobody below hears of it. */
  readonly level: Level;
  /** Since when, in milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface ServerSummary {
  /** The server's name in its node's configuration (`everything`), or the role's (`p2p`). */
  readonly alias: string;
  readonly kind: 'role' | 'third_party';
  /** SHA-256 of the canonical JSON of its ServerDefinition, numbers as they are written, hex. */
  readonly definitionHash: string;
  /** When this node first served this alias: the oldest keeps the plain name where definitions differ. */
  readonly firstSeenMs: number;
  /** Tool name → SHA-256 of the canonical JSON of its definition, hex. */
  readonly toolHashes: Readonly<Record<string, string>>;
  /** It finishes what runs and begins nothing. */
  readonly draining?: boolean | undefined;
}
