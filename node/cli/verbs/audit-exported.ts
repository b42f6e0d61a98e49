import { openAnchor, type AuditAnchor } from '../../../src/audit/index.ts';
import { publicKeyOfPeerId } from '../../../src/kernel/index.ts';
import type { AuditVerdict } from '../../admin/index.ts';
import { type ExportReport, verdictOf, verifyExport } from '../../audit/index.ts';
import { CliError, EXIT } from '../exit.ts';
import { aborted, type Invocation } from '../invocation.ts';
import { anchorsIn, linesIn } from './audit-files.ts';
import { acceptedLines, witnessLines } from './audit-lines.ts';

interface Beside {
  /** The village it is said to belong to, 64 hex digits. */
  readonly village?: string | undefined;
  /** A file of what witnesses hold of the log. */
  readonly anchors?: string | undefined;
}

/** Checks an exported log with nothing but the file, and what other nodes hold of it where that is given. Errors: those of the files, BROKEN_CHAIN, INTERRUPTED. */
export async function verifyExported(file: string, beside: Beside, invocation: Invocation): Promise<void> {
  // A log can take minutes, and nothing of it is left to be tidied up.
  const interrupted = aborted(invocation.signal).then(() => {
    throw new CliError('INTERRUPTED', 'interrupted');
  });
  await Promise.race([verify(file, beside, invocation), interrupted]);
}

async function verify(file: string, beside: Beside, invocation: Invocation): Promise<void> {
  const { terminal } = invocation;
  const words = beside.anchors === undefined ? undefined : await wordsIn(beside.anchors);
  const [first] = words ?? [];
  const villageId = beside.village ?? first?.village;
  if (first !== undefined && villageId !== first.village)
    throw new CliError('USAGE', `${beside.anchors} is of the village ${first.village}`);
  const report = await verifyExport(linesIn(file), { villageId, nodeId: first?.node, witnessed: words });
  if (report === undefined) throw new CliError('USAGE', `${file} holds no entry`);
  const verdict = verdictOf(report, { alone: false });
  const { nodeId: node_id, takenAsIs: taken_as_is } = report;
  const { broken_at: broken } = verdict;
  if (broken !== undefined && !terminal.json) {
    for (const line of beforeIt(verdict)) terminal.note(`before it: ${line}`);
    throw new CliError('BROKEN_CHAIN', `entry ${broken.seq}: ${broken.message} (${broken.kind})`);
  }
  terminal.answer({ ...verdict, node_id, taken_as_is }, linesOf(verdict, report).join('\n'));
  if (broken !== undefined) invocation.exitCode = EXIT.failed;
}

const beforeIt = (verdict: AuditVerdict): string[] => [...witnessLines(verdict), ...acceptedLines(verdict)];

function linesOf(verdict: AuditVerdict, { nodeId, takenAsIs, witnessed, checked, to }: ExportReport): string[] {
  const entries = checked + (takenAsIs === undefined ? 0 : 1);
  return [
    `${entries} entries${nodeId === undefined ? '' : ` of the log of ${nodeId}`}, the last of them ${to}, every one in its place`,
    ...beforeIt(verdict),
    ...(takenAsIs === undefined ? [] : [startLine(takenAsIs)]),
    witnessed === undefined
      ? 'a file does not show that its end was cut off, or that its node wrote all of it anew: what other nodes hold does (--anchors)'
      : 'a witness is known by its id alone: whether it is a node of the village is not in the files',
  ];
}

function startLine(seq: number): string {
  return seq === 1
    ? 'entry 1 is taken as it stands: --village ID shows that the log begins there'
    : `entry ${seq} is taken as it stands: what comes before it is not in the file`;
}

/** What witnesses signed of one log. Errors: FILE_UNREADABLE, USAGE. */
async function wordsIn(file: string): Promise<AuditAnchor[]> {
  const words: AuditAnchor[] = [];
  for (const [index, { anchor }] of (await anchorsIn(file)).entries()) {
    const word = openAnchor(anchor);
    if (word === undefined) throw new CliError('USAGE', `anchor ${index + 1} of ${file} is not signed by its witness`);
    // A witness can sign anything for these, and they are printed.
    if (publicKeyOfPeerId(word.node) === undefined || !/^[0-9a-f]{64}$/.test(word.village))
      throw new CliError('USAGE', `anchor ${index + 1} of ${file} names no node of a village`);
    const [first = word] = words;
    if (word.node !== first.node || word.village !== first.village)
      throw new CliError('USAGE', `anchor ${index + 1} of ${file} is of another log than the first`);
    words.push(word);
  }
  return words;
}
