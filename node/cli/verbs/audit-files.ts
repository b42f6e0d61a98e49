import { createReadStream } from 'node:fs';
import { CliError } from '../exit.ts';

/** Longer than any entry, and than any anchor. */
const MAX_LINE = 1024 * 1024;
/** What a few hundred nodes hold of one log is a quarter of it. All of it is in memory. */
const MAX_ANCHOR_CHARS = 64 * 1024 * 1024;

/** The lines of a text file, one at a time, however large it is. Errors: FILE_UNREADABLE. */
export async function* linesIn(file: string): AsyncGenerator<string, void> {
  let rest = '';
  try {
    for await (const text of createReadStream(file, { encoding: 'utf8' }) as AsyncIterable<string>) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > MAX_LINE) throw new CliError('FILE_UNREADABLE', `${file} is no text of lines`);
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read`, { cause });
  }
  if (rest !== '') yield rest;
}

/** What witnesses hold of a log, as `village audit anchors` prints it. Errors: FILE_UNREADABLE, USAGE. */
export async function anchorsIn(
  file: string,
  { maxChars = MAX_ANCHOR_CHARS }: { readonly maxChars?: number } = {},
): Promise<{ head: string; anchor: string }[]> {
  const anchors: { head: string; anchor: string }[] = [];
  let number = 0;
  let chars = 0;
  for await (const line of linesIn(file)) {
    number += 1;
    chars += line.length;
    if (chars > maxChars)
      throw new CliError('FILE_UNREADABLE', `${file} is too large to be what witnesses hold of a log`);
    if (line.trim() === '') continue;
    const anchor = anchorOf(line);
    if (anchor === undefined) throw new CliError('USAGE', `line ${number} of ${file} is no anchor`);
    anchors.push(anchor);
  }
  if (anchors.length === 0) throw new CliError('USAGE', `${file} holds no anchor`);
  return anchors;
}

function anchorOf(line: string): { head: string; anchor: string } | undefined {
  try {
    const { head, anchor } = JSON.parse(line) as { head?: unknown; anchor?: unknown };
    return typeof head === 'string' && typeof anchor === 'string' ? { head, anchor } : undefined;
  } catch {
    return undefined;
  }
}
