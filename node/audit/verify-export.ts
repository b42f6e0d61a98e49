import { type ChainReport, type ChainStart, ChainVerifier, decodeEntry, openRecord } from '../../src/audit/index.ts';

export interface ExportReport extends ChainReport {
  /** Whose log it is, as given or as its first line says. */
  readonly nodeId: string | undefined;
  /** The entry whose line is taken as it stands, since what it follows from is not known; undefined: each was checked. */
  readonly takenAsIs: number | undefined;
}

/** What is known beside the lines; the rest is taken from them. */
type About = { readonly [Name in Exclude<keyof ChainStart, 'heads'>]?: ChainStart[Name] | undefined };

/**
 * Checks exported JSON lines without the node: every entry against the one before it, from the log's beginning where the village is
 * given and it is in the file, else from the first line on, or from the hash of the entry before that (`after`). Signed heads are not in
 * an export: a cut-off end, and a log that its node wrote anew, are found by what witnesses hold. Undefined: there is no line.
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  about: About = {},
): Promise<ExportReport | undefined> {
  let verifier: ChainVerifier | undefined;
  let takenAsIs: number | undefined;
  let { nodeId } = about;
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const seq = claimedSeq(line);
    if (verifier === undefined) {
      nodeId ??= starterOf(line);
      const first = beginning(line, seq, { ...about, nodeId });
      takenAsIs = first.takenAsIs;
      verifier = new ChainVerifier(first.start);
      if (takenAsIs !== undefined) continue;
    }
    verifier.next(seq, line);
  }
  return verifier === undefined ? undefined : { ...verifier.end(), nodeId, takenAsIs };
}

function beginning(
  line: string,
  seq: number | undefined,
  { villageId, nodeId, after, witnessed }: About,
): { readonly start: ChainStart; readonly takenAsIs: number | undefined } {
  const start = { villageId: villageId ?? '', nodeId: nodeId ?? '', after, witnessed };
  // A first line that does not say whose it is proves nothing of the village either: it is not what begins a log there.
  const isBound = after !== undefined || (seq === 1 && villageId !== undefined);
  if (isBound || seq === undefined) return { start, takenAsIs: undefined };
  const opened = openRecord(line);
  const isEntry = opened !== undefined && decodeEntry(opened.line).kind === 'entry';
  return isEntry
    ? { start: { ...start, after: { seq, hash: opened.hash } }, takenAsIs: seq }
    : { start: { ...start, after: { seq: seq - 1, hash: '' } }, takenAsIs: undefined };
}

/** The number a line gives itself; undefined when it gives none. Whether the rest of it is an entry is the verifier's to say. */
function claimedSeq(line: string): number | undefined {
  const match = /^\{"seq":([1-9]\d{0,15}),/.exec(line);
  return match === null ? undefined : Number(match[1]);
}

/** A start names its own node. */
function starterOf(line: string): string | undefined {
  return /^\{"seq":1,"atMs":\d+,"kind":"start",.*?"peer":"(\w+)",/.exec(line)?.[1];
}
