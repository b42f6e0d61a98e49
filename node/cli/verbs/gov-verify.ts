import { readFile } from 'node:fs/promises';
import { parseStrictJson } from '../../../src/kernel/index.ts';
import { CliError, EXIT } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { printable } from '../terminal.ts';
import { readAll } from './agents.ts';

const MAX_BYTES = 8 * 1024 * 1024;

/** Checks a certificate offline: no node, no data folder, nothing but the id of the village. */
export async function verifyFile(file: string, village: string, invocation: Invocation): Promise<void> {
  // Loaded when it is used: no other verb of the command line checks signatures.
  const { verifyCertificate } = await import('../../../src/governance/index.ts');
  const certificate = parseStrictJson(await textOf(file, invocation));
  const verdict = verifyCertificate(certificate, { net: village });
  const { terminal } = invocation;
  if (verdict.kind === 'valid') {
    const { outcome, proposal, signers } = verdict;
    const facts = { proposal_id: proposal.id, title: proposal.payload.body.title, outcome, signers };
    const text = `valid: “${facts.title}” (${proposal.id}) was ${outcome.replaceAll('_', ' ')} by ${signers.join(', ')}`;
    terminal.answer({ valid: true, ...facts }, printable(text));
    return;
  }
  terminal.answer({ valid: false, reason: verdict.because }, `not valid: ${verdict.because}`);
  invocation.exitCode = EXIT.failed;
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
