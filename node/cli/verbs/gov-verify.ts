import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { parseStrictJson } from '../../../src/kernel/index.ts';
import { CliError, EXIT } from '../exit.ts';
import { type Invocation, withSession } from '../invocation.ts';
import { printable } from '../terminal.ts';
import { readAll } from './agents.ts';

const MAX_BYTES = 8 * 1024 * 1024;

export interface VerifyOptions {
  readonly village: string;
  /** A later certificate, which shows how epochs ended. */
  readonly history?: string;
}

/** Checks a certificate with nothing but the id of the village; where a node of it runs here, or a later certificate is given, also against how epochs ended. */
export async function verifyFile(
  file: string,
  { village, history }: VerifyOptions,
  { command, invocation }: { readonly command: Command; readonly invocation: Invocation },
): Promise<void> {
  // Loaded when it is used: no other verb of the command line checks signatures.
  const { Certificate, verifyCertificate } = await import('../../../src/governance/index.ts');
  const certificate = parseStrictJson(await textOf(file, invocation));
  const shown =
    history === undefined
      ? await knownHere(command, { village, invocation })
      : parseStrictJson(await textOf(history, invocation));
  const read =
    shown === undefined
      ? undefined
      : Certificate.shape.epochs.safeParse((shown as { epochs?: unknown } | null)?.epochs);
  if (read?.success === false) {
    throw new CliError(
      'FILE_UNREADABLE',
      `${history ?? 'the node'} shows no epochs: give a later certificate of the village`,
    );
  }
  const verdict = verifyCertificate(certificate, { net: village, history: read?.data ?? [] });
  const { terminal } = invocation;
  if (verdict.kind !== 'valid') {
    terminal.answer({ valid: false, reason: verdict.because }, `not valid: ${verdict.because}`);
    invocation.exitCode = EXIT.failed;
    return;
  }
  const { outcome, proposal, signers, epoch, closed } = verdict;
  const facts = { proposal_id: proposal.id, title: proposal.payload.body.title, outcome, signers, epoch, closed };
  const said = `valid: “${facts.title}” (${proposal.id}) was ${outcome.replaceAll('_', ' ')} by ${signers.join(', ')}`;
  const limit = closed
    ? `It was decided in epoch ${epoch}, before that ended.`
    : `Nothing here says that epoch ${epoch} has ended. If it has, keys replaced since could have made this: a later certificate (--history) would tell.`;
  terminal.answer({ valid: true, ...facts }, printable(`${said}\n${limit}`));
}

/** How epochs ended, as a node of the village that runs here knows it; undefined: none runs. */
async function knownHere(
  command: Command,
  { village, invocation }: { readonly village: string; readonly invocation: Invocation },
): Promise<unknown> {
  try {
    const answer = await withSession(command, invocation, (session) => session.call('gov.history', {}));
    return answer.village_id === village ? answer : undefined;
  } catch (error) {
    if (error instanceof CliError && error.code === 'NO_NODE') return undefined;
    throw error;
  }
}

async function textOf(file: string, { stdin }: Invocation): Promise<string> {
  try {
    const text = file === '-' ? await readAll(stdin) : await readFile(file, 'utf8');
    if (text.length <= MAX_BYTES) return text;
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read`, { cause: error });
  }
  throw new CliError('FILE_UNREADABLE', `${file} is too long for a certificate`);
}
