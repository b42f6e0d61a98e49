import { CallMatcher, ChainVerifier, type Compared, type Match, openRecord } from '../../src/audit/index.ts';

/** How two logs fit together. */
export interface MatchedExports extends Match {
  /** The other node, as its log names it; undefined: it does not, and nothing could be compared. */
  readonly other: string | undefined;
  /** It is this node's own log: nothing was compared. */
  readonly own: boolean;
  /** Whether the other log is a whole chain from its first entry in the file on. */
  readonly intact: boolean;
  readonly problem?: string | undefined;
}

/**
 * Compares this node's entries with the lines that another node exported: which calls between them only one side has, or has
 * otherwise. Entries are read one by one; of each some 300 bytes are held.
 */
export async function matchExports(
  theirs: AsyncIterable<string>,
  ours: AsyncIterable<object>,
): Promise<MatchedExports> {
  const lines = await entriesIn(theirs);
  const own: Compared[] = [];
  for await (const entry of ours) own.push(comparedOf(entry as Compared));
  const other = ownerOf(lines.entries);
  const self = ownerOf(own);
  const isOwn = other !== undefined && other === self;
  const matcher = new CallMatcher({ self: self ?? '', other: other ?? '' });
  if (other !== undefined && self !== undefined && !isOwn) {
    for (const entry of lines.entries) matcher.theirs(entry);
    for (const entry of own) matcher.ours(entry);
  }
  return { ...matcher.end(), other, own: isOwn, intact: lines.problem === undefined, problem: lines.problem };
}

async function entriesIn(lines: AsyncIterable<string>): Promise<{ entries: Compared[]; problem: string | undefined }> {
  const entries: Compared[] = [];
  let verifier: ChainVerifier | undefined;
  let problem: string | undefined;
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const entry = entryIn(line);
    if (entry === undefined) {
      problem ??= `after entry ${entries.at(-1)?.seq ?? 0} comes a line that is no entry`;
      continue;
    }
    // What stands before the first line is not in the file: the chain is checked from there on.
    if (verifier === undefined) {
      verifier = new ChainVerifier({ villageId: '', nodeId: '', after: { seq: entry.seq, hash: entry.hash } });
    } else {
      verifier.next(entry.seq, line);
    }
    entries.push(comparedOf(entry));
  }
  return { entries, problem: problem ?? verifier?.broken?.message };
}

function entryIn(line: string): Compared | undefined {
  if (openRecord(line) === undefined) return undefined;
  try {
    const entry = JSON.parse(line) as Compared;
    return Number.isSafeInteger(entry.seq) && Number.isSafeInteger(entry.atMs) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** A start or a stop names its own node. Only the strings that are compared are kept. */
function comparedOf({ seq, atMs, kind, callId, peer, argumentsHash, hash, receipt }: Compared): Compared {
  return { seq, atMs, kind, callId, peer, argumentsHash, hash, receipt };
}

function ownerOf(entries: readonly Compared[]): string | undefined {
  return entries.find(({ kind }) => kind === 'start' || kind === 'stop')?.peer;
}
