import type { Stream } from '@libp2p/interface';
import { FOG_BLOB } from '../../../protocols/fog-blob/index.ts';
import type { MeshHost } from '../../host/index.ts';

/** Who may have a module, and how one asks them. */
export interface ModulePeers {
  /** Node ids, the likeliest first, each once; ends when `signal` fires. */
  holders(
    digest: string,
    options: { readonly first?: string | undefined; readonly signal: AbortSignal },
  ): AsyncIterable<string>;
  /** Errors: HostError. */
  openStream(nodeId: string, options: { readonly signal: AbortSignal }): Promise<Stream>;
  /** This node has the module from now on. Never rejects. */
  announce(digest: string): Promise<void>;
}

const LOOKUP_MS = 3_000;
const MAX_FOUND = 4;
const NEIGHBOURS = 4;
const ANNOUNCE_MS = 10_000;

type Host = Pick<MeshHost, 'nodeId' | 'openStream' | 'admitted' | 'findProviders' | 'provide'>;

/** Whoever wants the shard is asked first, then a few neighbours, those that the DHT names, and every peer there is. */
export function modulePeers(host: Host): ModulePeers {
  const path = (digest: string): string => `fog-module/${digest}`;
  return {
    openStream: (nodeId, options) => host.openStream(nodeId, FOG_BLOB, options),

    async *holders(digest, { first, signal }) {
      const told = new Set([host.nodeId]);
      const isNew = (nodeId: string): boolean => !told.has(nodeId) && told.add(nodeId).size > 0;
      if (first !== undefined && isNew(first)) yield first;
      // Asking a neighbour takes milliseconds, a lookup seconds.
      for (const nodeId of [...host.admitted().keys()].slice(0, NEIGHBOURS)) if (isNew(nodeId)) yield nodeId;
      const looking = AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_MS)]);
      for await (const nodeId of host.findProviders(path(digest), { signal: looking, limit: MAX_FOUND })) {
        if (isNew(nodeId)) yield nodeId;
      }
      for (const nodeId of host.admitted().keys()) {
        if (signal.aborted) return;
        if (isNew(nodeId)) yield nodeId;
      }
    },

    async announce(digest) {
      // Without it the module is still found by asking the peers there are.
      await host.provide(path(digest), { signal: AbortSignal.timeout(ANNOUNCE_MS) }).catch(() => 0);
    },
  };
}
