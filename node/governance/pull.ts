import {
  askReceipts,
  askStatements,
  type CarriedReceipt,
  type Cursor,
  GOVERNANCE,
  type Held,
} from '../../protocols/governance/index.ts';
import { WireError } from '../../protocols/wire/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';

/** Also the end of a peer that always has more. */
const MAX_PAGES = 1_024;
/** So many useless ones and the peer is not asked further this time. */
const MAX_BAD = 32;

export type PullEnd =
  | { readonly kind: 'done' }
  /** The peer is gone, or slow. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'lied'; readonly because: 'malformed' | 'bad-statements' };

export interface PullOptions {
  readonly host: Pick<MeshHost, 'openStream'>;
  readonly signal: AbortSignal;
  readonly held: Readonly<Record<string, Held>>;
  readonly receiptsDigest: string;
  /** Resolves when what is new is on disk, with how many could never count. */
  readonly takeStatements: (statements: readonly string[]) => Promise<number>;
  readonly takeReceipts: (receipts: readonly CarriedReceipt[]) => Promise<number>;
}

/** Asks one peer for every statement and receipt we lack. Never rejects unless a `take` does. */
export async function pullFrom(nodeId: string, options: PullOptions): Promise<PullEnd> {
  const statements = await pages(options, async (after: Cursor | undefined, deadline) => {
    const stream = await options.host.openStream(nodeId, GOVERNANCE, deadline);
    const page = await askStatements(stream, { held: options.held, after }, deadline);
    return { next: page.next, take: () => options.takeStatements(page.statements) };
  });
  if (statements.kind !== 'done') return statements;
  return pages(options, async (after: string | undefined, deadline) => {
    const stream = await options.host.openStream(nodeId, GOVERNANCE, deadline);
    const page = await askReceipts(stream, { digest: options.receiptsDigest, after }, deadline);
    return { next: page.next, take: () => options.takeReceipts(page.receipts) };
  });
}

interface Asked<Place> {
  readonly next: Place | undefined;
  readonly take: () => Promise<number>;
}

async function pages<Place>(
  { signal }: Pick<PullOptions, 'signal'>,
  ask: (after: Place | undefined, deadline: { readonly signal: AbortSignal }) => Promise<Asked<Place>>,
): Promise<PullEnd> {
  let after: Place | undefined;
  let bad = 0;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    let asked: Asked<Place>;
    try {
      asked = await ask(after, { signal: AbortSignal.any([signal, AbortSignal.timeout(GOVERNANCE.timeoutMs)]) });
    } catch (error) {
      const lied = error instanceof WireError && (error.code === 'WIRE_MALFORMED' || error.code === 'WIRE_TOO_LARGE');
      return lied ? { kind: 'lied', because: 'malformed' } : { kind: 'silent' };
    }
    bad += await asked.take();
    if (bad > MAX_BAD) return { kind: 'lied', because: 'bad-statements' };
    if (asked.next === undefined) break;
    after = asked.next;
  }
  return { kind: 'done' };
}
