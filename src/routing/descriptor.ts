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
}

export interface ServerSummary {
  /** The server's name in its node's configuration (`everything`), or the role's (`p2p`). */
  readonly alias: string;
  readonly kind: 'role' | 'third_party';
  /** SHA-256 of the canonical JSON of its ServerDefinition, hex. */
  readonly definitionHash: string;
  /** When this node first served this alias: the oldest keeps the plain name where definitions differ. */
  readonly firstSeenMs: number;
  /** Tool name → SHA-256 of the canonical JSON of its definition, hex. */
  readonly toolHashes: Readonly<Record<string, string>>;
  /** It finishes what runs and begins nothing. */
  readonly draining?: boolean | undefined;
}
