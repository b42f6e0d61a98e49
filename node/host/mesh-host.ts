import type { Connection, Stream } from '@libp2p/interface';
import type { RevisionGap } from '../../protocols/hello/index.ts';

/** A protocol as a value: what limits it, stated beside its name. The village's hash is put into the id by the host. */
export interface ProtocolSpec {
  /** `mcp/1`, `directory/2`: becomes `/village/<8 hex of sha-256(village id)>/mcp/1`. */
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly timeoutMs: number;
  readonly maxInboundStreams: number;
  /** Answered before `hello` has proven membership. Only hello and admission are. */
  readonly open?: boolean;
}

export type StreamHandler = (
  stream: Stream,
  peer: { readonly nodeId: string; readonly connection: Connection },
) => Promise<void> | void;

/** A peer whose membership `hello` has proven, both ways. */
export interface AdmittedPeer {
  readonly nodeId: string;
  /** Verified: what its credential chain grants (see src/constitution). */
  readonly membership: import('../../src/constitution/index.ts').Membership;
  /** When we admitted it, milliseconds since 1970. */
  readonly since: number;
  /** Rises with every start of the peer: another one than before means that it was restarted. */
  readonly bootSeq: number;
  /** Its clock minus ours, milliseconds, as its hello said. */
  readonly clockSkewMs?: number | undefined;
  /** Protocols that it speaks at other revisions than this node: no stream of theirs can be opened. Absent: none. */
  readonly revisionGaps?: readonly RevisionGap[] | undefined;
}

/** What the rest of the node asks of the network. Only node/host knows libp2p. All handlers are registered before start. */
export interface MeshHost {
  readonly nodeId: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Full multiaddrs with /p2p/ID. */
  addresses(): string[];
  handle(protocol: ProtocolSpec, handler: StreamHandler): void;
  /**
   * Opens a stream to an admitted peer, dialling (and greeting) first where needed; routing by DHT when no address is known.
   * Errors: HostError NODE_UNREACHABLE, NOT_ADMITTED, OTHER_REVISION, NOT_RUNNING.
   */
  openStream(nodeId: string, protocol: ProtocolSpec, options: { signal: AbortSignal }): Promise<Stream>;
  /** Connects to a full multiaddr and waits for admission; answers the node's id. Errors as openStream, and ADDRESS_INVALID. */
  dial(address: string, options: { signal: AbortSignal }): Promise<string>;
  hangUp(nodeId: string): Promise<void>;
  admitted(): ReadonlyMap<string, AdmittedPeer>;
  /** Every peer with a connection, admitted or not, for status. */
  connections(): readonly {
    readonly nodeId: string;
    readonly address: string;
    readonly direction: 'inbound' | 'outbound';
    readonly admitted: boolean;
  }[];
  onAdmitted(listener: (peer: AdmittedPeer) => void): () => void;
  onGone(listener: (nodeId: string) => void): () => void;
  /**
   * Provides `sha-256("village/" + villageId + "/" + path)` in the DHT; answers how many peers stored it: 0 at once when no
   * peer is admitted. What too few hold is provided again when peers come.
   */
  provide(path: string, options: { signal: AbortSignal }): Promise<number>;
  unprovide(path: string): Promise<void>;
  /** Node ids, ours left out, as they are found; ends at `limit` or when `signal` fires, which is no error. Stop reading early. */
  findProviders(path: string, options: { signal: AbortSignal; limit: number }): AsyncIterable<string>;
  /**
   * Gossip under `/village/<hash>/<topic>`; `accept` says whether the bytes may be forwarded (never refuse what may become valid).
   * `from` is the node that published it, by its signature. Before start only.
   */
  subscribe(topic: string, accept: (data: Uint8Array, from: string) => boolean): void;
  /** Errors: MESSAGE_TOO_LARGE (256 KiB), NOT_RUNNING. Nobody need have received it. */
  publish(topic: string, data: Uint8Array): Promise<void>;
}
