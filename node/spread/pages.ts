import { WireError } from '../../protocols/wire/index.ts';

export type PullEnd =
  | { readonly kind: 'done' }
  /** The peer is gone, or slow. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'lied'; readonly because: 'malformed' | 'bad-statements' };

export interface PageOptions {
  readonly signal: AbortSignal;
  /** For one page. */
  readonly timeoutMs: number;
  /** Also the end of a peer that always has more. */
  readonly maxPages: number;
  /** So many useless ones and the peer is not asked further this time. */
  readonly maxBad: number;
}

interface Page<Place> {
  readonly next: Place | undefined;
  /** Takes in what came; answers how many of it nothing could make true. */
  readonly take: () => Promise<number>;
}

/** Asks page by page until there is no more. Never rejects unless a `take` does. */
export async function pages<Place>(
  { signal, timeoutMs, maxPages, maxBad }: PageOptions,
  ask: (after: Place | undefined, deadline: { readonly signal: AbortSignal }) => Promise<Page<Place>>,
): Promise<PullEnd> {
  let after: Place | undefined;
  let bad = 0;
  for (let count = 0; count < maxPages; count += 1) {
    let page: Page<Place>;
    try {
      page = await ask(after, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    } catch (error) {
      const lied = error instanceof WireError && (error.code === 'WIRE_MALFORMED' || error.code === 'WIRE_TOO_LARGE');
      return lied ? { kind: 'lied', because: 'malformed' } : { kind: 'silent' };
    }
    bad += await page.take();
    if (bad > maxBad) return { kind: 'lied', because: 'bad-statements' };
    if (page.next === undefined) break;
    after = page.next;
  }
  return { kind: 'done' };
}
