import {
  askReceipts,
  askStatements,
  type CarriedReceipt,
  type Cursor,
  GOVERNANCE,
  type Held,
} from '../../protocols/governance/index.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import { pages, type PullEnd } from '../spread/index.ts';

const BOUNDS = { timeoutMs: GOVERNANCE.timeoutMs, maxPages: 1_024, maxBad: 32 } as const;

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
  const bounds = { ...BOUNDS, signal: options.signal };
  const statements = await pages(bounds, async (after: Cursor | undefined, deadline) => {
    const stream = await options.host.openStream(nodeId, GOVERNANCE, deadline);
    const page = await askStatements(stream, { held: options.held, after }, deadline);
    return { next: page.next, take: () => options.takeStatements(page.statements) };
  });
  if (statements.kind !== 'done') return statements;
  return pages(bounds, async (after: string | undefined, deadline) => {
    const stream = await options.host.openStream(nodeId, GOVERNANCE, deadline);
    const page = await askReceipts(stream, { digest: options.receiptsDigest, after }, deadline);
    return { next: page.next, take: () => options.takeReceipts(page.receipts) };
  });
}
