import { askRevocations, type AskedPage, type Carried, REVOCATION } from '../../protocols/revocation/index.ts';
import { WireError } from '../../protocols/wire/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';

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

export type PullEnd =
  | { readonly kind: 'done' | 'silent' }
  | { readonly kind: 'lied'; readonly because: 'malformed' | 'bad-statements' };

/** Asks one peer for all that it honours, page by page, unless it holds what we hold. Never rejects but with what `take` does. */
export async function pullFrom(nodeId: string, { host, digest, signal, take }: PullOptions): Promise<PullEnd> {
  let after: string | undefined;
  let bad = 0;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const deadline = { signal: AbortSignal.any([signal, AbortSignal.timeout(REVOCATION.timeoutMs)]) };
    let page: AskedPage;
    try {
      const stream = await host.openStream(nodeId, REVOCATION, deadline);
      page = await askRevocations(stream, after === undefined ? { digest } : { after }, deadline);
    } catch (error) {
      const lied = error instanceof WireError && (error.code === 'WIRE_MALFORMED' || error.code === 'WIRE_TOO_LARGE');
      return lied ? { kind: 'lied', because: 'malformed' } : { kind: 'silent' };
    }
    bad += await take(page.carried);
    if (bad > MAX_BAD) return { kind: 'lied', because: 'bad-statements' };
    if (page.next === undefined) return { kind: 'done' };
    after = page.next;
  }
  return { kind: 'done' };
}
