import type { Connection, Stream } from '@libp2p/interface';

/** A protocol as a value: what limits it, stated beside its name. The village's hash is put into the id by the host. */
export interface ProtocolSpec {
  /** `mcp/1`, `directory/1`: becomes `/village/<8 hex of sha-256(village id)>/mcp/1`. */
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly timeoutMs: number;
  readonly maxInboundStreams: number;
  /** Answered before `hello` has proven membership. Only hello and admission are. */
  readonly open?: boolean;
}

export type StreamHandler = (stream: Stream, peer: { readonly nodeId: string; readonly connection: Connection }) => Promise<void> | void;

/** A peer whose membership `hello` has proven, both ways. */
export interface AdmittedPeer {
  readonly nodeId: string;
  /** Verified: what its credential chain grants (see src/constitution). */
  readonly membership: import('../../src/constitution/index.ts').Membership;
  readonly since: number;
  readonly bootSeq: number;
}

/** What the rest of the node asks of the network. Only node/host knows libp2p. All handlers are registered before start. */
export interface MeshHost {
  readonly nodeId: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Full multiaddrs with /p2p/ID. */
  addresses(): string[];
  handle(protocol: ProtocolSpec, handler: StreamHandler): void;
  /** Opens a stream to an admitted peer, dialling (and greeting) first where needed; routing by DHT when no address is known. */
  openStream(nodeId: string, protocol: ProtocolSpec, options: { signal: AbortSignal }): Promise<Stream>;
  dial(address: string, options: { signal: AbortSignal }): Promise<string>;
  hangUp(nodeId: string): Promise<void>;
  admitted(): ReadonlyMap<string, AdmittedPeer>;
  /** Every peer with a connection, admitted or not, for status. */
  connections(): readonly { readonly nodeId: string; readonly address: string; readonly direction: 'inbound' | 'outbound'; readonly admitted: boolean }[];
  onAdmitted(listener: (peer: AdmittedPeer) => void): () => void;
  onGone(listener: (nodeId: string) => void): () => void;
  /** Provides `sha-256("village/" + villageId + "/" + path)` in the DHT; answers how many peers stored it. */
  provide(path: string, options: { signal: AbortSignal }): Promise<number>;
  unprovide(path: string): Promise<void>;
  findProviders(path: string, options: { signal: AbortSignal; limit: number }): AsyncIterable<string>;
  /** Gossip under `/village/<hash>/<topic>`; `accept` says whether the bytes may be forwarded (never refuse what may become valid). */
  subscribe(topic: string, accept: (data: Uint8Array, from: string) => boolean): void;
  publish(topic: string, data: Uint8Array): Promise<void>;
}
