import { askRevocations, type Carried, REVOCATION } from '../../protocols/revocation/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import { pages, type PullEnd } from '../spread/index.ts';

/** What 20 signers may have at most, with room to spare. */
const MAX_PAGES = 512;
/** A signer whose key changed may leave a few behind that nobody can prove; more is a peer that makes them up. */
const MAX_BAD = 16;

export interface PullOptions {
  readonly host: Pick<MeshHost, 'openStream'>;
  /** Over everything held here. */
  readonly digest: string;
  readonly signal: AbortSignal;
  /** Judges and keeps a page; answers how many of it nothing could make true. */
  readonly take: (page: readonly Carried[]) => Promise<number>;
}

/** Asks one peer for all that it honours, page by page, unless it holds what we hold. Never rejects but with what `take` does. */
export function pullFrom(nodeId: string, { host, digest, signal, take }: PullOptions): Promise<PullEnd> {
  const bounds = { signal, timeoutMs: REVOCATION.timeoutMs, maxPages: MAX_PAGES, maxBad: MAX_BAD };
  return pages(bounds, async (after: string | undefined, deadline) => {
    const stream = await host.openStream(nodeId, REVOCATION, deadline);
    const page = await askRevocations(stream, after === undefined ? { digest } : { after }, deadline);
    return { next: page.next, take: () => take(page.carried) };
  });
}
