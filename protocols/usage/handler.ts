import { parseStrictJson } from '../../src/kernel/index.ts';
import { MAX_COUNTS, Report, USAGE } from './schema.ts';

/** What was gossiped; undefined: no report. Never throws. */
export function readReport(bytes: Uint8Array): Report | undefined {
  if (bytes.length > USAGE.maxMessageBytes) return undefined;
  const read = Report.safeParse(parseStrictJson(Buffer.from(bytes).toString('utf8')));
  return read.success && Object.keys(read.data.counts).length <= MAX_COUNTS ? read.data : undefined;
}

const MOST_NODES = 1_024;
const FORGOTTEN_AFTER_MS = 65_000;

/** Keeps the words of each node in their order: what gossip brings late is older than what is known. */
export class Latest {
  readonly #nodes = new Map<string, { readonly seq: number; readonly atMs: number }>();

  /** Whether `seq` is newer than all that came from the node in the last minute. */
  isNews(nodeId: string, seq: number, nowMs: number): boolean {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined && seq <= known.seq && nowMs - known.atMs < FORGOTTEN_AFTER_MS) return false;
    this.#nodes.delete(nodeId);
    this.#nodes.set(nodeId, { seq, atMs: nowMs });
    if (this.#nodes.size > MOST_NODES) this.#nodes.delete(this.#nodes.keys().next().value as string);
    return true;
  }
}
